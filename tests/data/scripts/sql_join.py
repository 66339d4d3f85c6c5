# tools: sqlite.describe_table, sqlite.list_tables, sqlite.read_query
import json

tables = [row["name"] for row in sqlite.list_tables()]
print("tables:", ", ".join(tables))
schema = {table: [c["name"] for c in sqlite.describe_table(table_name=table)] for table in tables}
print(json.dumps(schema, indent=2))


def query(sql: str) -> list[dict]:
    rows = sqlite.read_query(query=sql)
    return rows if isinstance(rows, list) else []


customers = {c["id"]: c for c in query("SELECT id, name, country FROM customers")}
orders = query(
    """
    SELECT customer_id, total, created_at
    FROM orders
    WHERE created_at >= date('now', '-90 days')
    """
)

revenue: dict[str, float] = {}
orphans = 0
for order in orders:
    customer = customers.get(order["customer_id"])
    if customer is None:
        orphans += 1
        continue
    country = customer["country"] or "unknown"
    revenue[country] = revenue.get(country, 0.0) + float(order["total"])

ranking = sorted(revenue.items(), key=lambda item: item[1], reverse=True)
for place, (country, total) in enumerate(ranking[:10], start=1):
    print(f"{place:2}. {country:<20} {total:>12,.2f}")

result = {"revenue": dict(ranking), "orphans": orphans, "tables": len(schema)}
