# tools: mongodb.aggregate, mongodb.find
from datetime import UTC, datetime, timedelta
import heapq

CONNECTION, DATABASE = "main", "shop"
since = (datetime.now(UTC) - timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")

pipeline = [
    {"$match": {"created_at": {"$gte": {"$date": since}}, "status": {"$ne": "cancelled"}}},
    {"$unwind": "$items"},
    {"$group": {"_id": "$items.sku", "sold": {"$sum": "$items.quantity"}, "revenue": {"$sum": "$items.total"}}},
    {"$sort": {"revenue": -1}},
    {"$limit": 500},
]
sales = mongodb.aggregate(connectionId=CONNECTION, database=DATABASE, collection="orders", pipeline=pipeline)
top = heapq.nlargest(10, sales, key=lambda row: row["revenue"])

skus = [row["_id"] for row in top]
products = mongodb.find(
    connectionId=CONNECTION,
    database=DATABASE,
    collection="products",
    filter={"sku": {"$in": skus}},
    projection={"sku": 1, "name": 1, "stock": 1, "_id": 0},
    limit=len(skus),
)
by_sku = {p["sku"]: p for p in products}

rows = []
for row in top:
    product = by_sku.get(row["_id"], {})
    stock = product.get("stock", 0)
    days_left = stock / (row["sold"] / 30) if row["sold"] else None
    rows.append({**row, "name": product.get("name", row["_id"]), "days_left": days_left and round(days_left, 1)})
    print(f"{rows[-1]['name']:<30.30} {row['sold']:>6} {row['revenue']:>10.2f} {f'{days_left:.0f} days' if days_left else 'n/a':>9}")

result = [r for r in rows if r["days_left"] is not None and r["days_left"] < 14]
