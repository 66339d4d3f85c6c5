#: outcome: returned
#: result: ["TypeError", 2]
# A task keeps what was refused to it for whoever asks.
import asyncio

async def order(**arguments):
    return crm.get_last_order(**arguments)

found = asyncio.run(asyncio.gather(order(contact=7), order(id=7), return_exceptions=True))
result = [type(found[0]).__name__, len(found)]
