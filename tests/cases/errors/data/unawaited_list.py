#: outcome: raised
import asyncio

async def load(i):
    return await crm.get_last_order(id=i)

orders = [load(i) for i in (1, 2)]
result = sum(o["total"] for o in orders)
