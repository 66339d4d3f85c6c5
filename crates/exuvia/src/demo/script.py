# Which customers have a last order above 10,000? The top ten by revenue.
import asyncio

pages = await asyncio.gather(*[crm.get_contacts(limit=1000, offset=n) for n in range(0, 5000, 1000)])
contacts = [contact for page in pages for contact in page["items"]]
orders = await asyncio.gather(*[crm.get_last_order(contact_id=c["id"]) for c in contacts])

large = [(c, o) for c, o in zip(contacts, orders) if o and o["total"] > 10_000]
print(f"{len(contacts)} contacts, {len(large)} with a last order above 10,000")

revenues = await asyncio.gather(*[billing.get_revenue(contact_id=c["id"]) for c, _ in large])
ranked = sorted(zip(large, revenues), key=lambda row: row[1]["revenue"], reverse=True)
result = [
    {"name": c["name"], "company": c["company"], "last_order": o["total"], "revenue": r["revenue"]}
    for (c, o), r in ranked[:10]
]
