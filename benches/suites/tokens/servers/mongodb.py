# A database, as mongodb-mcp-server answers: a sentence and the documents, and the same as a structure.
DATABASES = {"shop": ["orders", "users", "events"]}


def document(collection, n):
    if collection == "users":
        return {"_id": f"u{n}", "email": f"user{n}@example.org", "plan": ["free", "pro", "team"][n % 3], "country": ["DE", "FR", "US"][n % 3], "signed_up": f"2026-{1 + n % 11:02}-03", "active": n % 4 != 0}
    if collection == "events":
        return {"_id": f"e{n}", "user": f"u{n % 50}", "kind": ["login", "view", "buy"][n % 3], "at": f"2026-11-{1 + n % 28:02}T{n % 24:02}:00:00Z", "meta": {"agent": "Mozilla/5.0", "ip": f"10.0.{n % 255}.7"}}
    return {"_id": f"o{n}", "user": f"u{n * 7 % 50}", "status": ["paid", "open", "refunded"][n % 3], "total": n * 37 % 400, "items": [{"sku": f"s{n % 9}", "quantity": 1 + n % 4}], "placed": f"2026-{1 + n % 11:02}-{1 + n % 28:02}"}


def told(documents, what, count):
    import json

    text = f"{what} resulted in {len(documents)} documents.\n" + json.dumps(documents)
    return text, {"documents": documents, count: len(documents), "appliedLimits": []}


def list_connections():
    return "1 connection", {"connections": [{"connectionId": "main", "name": "main", "state": "connected"}]}


def list_databases(connectionId):
    return "1 database", {"databases": [{"name": name, "size": 1_048_576} for name in DATABASES], "totalCount": 1}


def list_collections(connectionId, database):
    return "3 collections", {"collections": [{"name": name} for name in DATABASES[database]], "totalCount": 3}


def find(connectionId, database, collection, filter=None, limit=10, **_):
    found = [document(collection, n) for n in range(300)]
    found = [one for one in found if all(one.get(key) == value for key, value in (filter or {}).items())]
    return told(found[: int(limit)], "Query on collection", "queryResultsCount")


def count(connectionId, database, collection, query=None):
    found = sum(all(document(collection, n).get(key) == value for key, value in (query or {}).items()) for n in range(300))
    return f"Found {found} documents", {"count": found}


def aggregate(connectionId, database, collection, pipeline, **_):
    groups = {}
    for n in range(300):
        one = document(collection, n)
        key = one.get("status") or one.get("plan") or one.get("kind")
        groups[key] = groups.get(key, 0) + 1
    return told([{"_id": key, "count": number} for key, number in groups.items()], "The aggregation", "count")


def collection_schema(connectionId, database, collection, **_):
    return "schema", {"schema": {key: {"types": [{"bsonType": type(value).__name__}]} for key, value in document(collection, 1).items()}, "fieldsCount": 6}


def update_many(connectionId, database, collection, update, filter=None, **_):
    return "Matched 25 documents. Modified 25 documents.", {"matchedCount": 25, "modifiedCount": 25}
