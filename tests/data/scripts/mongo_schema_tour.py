# tools: mongodb.collection-schema, mongodb.count, mongodb.list-collections, mongodb.list-connections, mongodb.list-databases
from __future__ import annotations

from typing import Any, NamedTuple


class Collection(NamedTuple):
    database: str
    name: str
    documents: int
    fields: list[str]


def names(listed: Any) -> list[str]:
    """Both ["a", "b"] and [{"name": "a"}] occur."""
    match listed:
        case {"databases": inner} | {"collections": inner}:
            return names(inner)
        case [*entries]:
            return [e["name"] if isinstance(e, dict) else str(e) for e in entries]
        case str(text):
            return [line.strip("- ") for line in text.splitlines() if line.strip()]
        case _:
            return []


connections = mongodb.list_connections()
connection = connections[0]["id"] if isinstance(connections, list) and connections else "default"

found: list[Collection] = []
for database in names(mongodb.list_databases(connectionId=connection)):
    if database in {"admin", "local", "config"}:
        continue
    for name in names(mongodb.list_collections(connectionId=connection, database=database)):
        schema = mongodb.collection_schema(connectionId=connection, database=database, collection=name, sampleSize=50)
        total = mongodb.count(connectionId=connection, database=database, collection=name)
        fields = sorted(schema) if isinstance(schema, dict) else []
        found.append(Collection(database, name, total if isinstance(total, int) else -1, fields))

found.sort(key=lambda c: (-c.documents, c.database, c.name))
for c in found[:20]:
    print(f"{c.database}.{c.name}: {c.documents:,} documents, {len(c.fields)} fields")
result = [c._asdict() for c in found]
