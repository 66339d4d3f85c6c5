#: outcome: returned
#: result: [["Contact 1"], 2, "id", true]
import asyncio

async def main():
    contacts = crm.get_contacts(limit=2)
    names = [c["name"] for c in contacts["items"]][:1]
    order = crm.get_last_order(id=1)
    return [names, len(contacts["items"]), "id", order["total"] > 100]

result = await main()
