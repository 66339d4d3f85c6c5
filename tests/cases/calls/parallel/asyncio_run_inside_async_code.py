#: outcome: returned
#: result: [3, 1]
import asyncio

async def total():
    return (await crm.get_contacts())["total"]

one = await lab.echo(value=1)
result = [asyncio.run(total()), one]
