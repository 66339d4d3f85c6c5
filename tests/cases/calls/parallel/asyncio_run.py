#: outcome: returned
#: result: [3, 3]
import asyncio

async def main():
    contacts, again = await asyncio.gather(crm.get_contacts(), mcp.crm.get_contacts())
    return [contacts["total"], again["total"]]

result = asyncio.run(main())
