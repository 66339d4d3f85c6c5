#: outcome: returned
#: result: [10, 20, 30, 40, 50]
import asyncio
gate = asyncio.Semaphore(2)

async def order(i):
    async with gate:
        return (await crm.get_last_order(id=i))["order_id"]

result = await asyncio.gather(*map(order, range(1, 6)))
