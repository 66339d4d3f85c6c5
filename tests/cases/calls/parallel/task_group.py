#: outcome: returned
#: result: [10, 20]
import asyncio

async def order(i):
    return (await crm.get_last_order(id=i))["order_id"]

async with asyncio.TaskGroup() as group:
    tasks = [group.create_task(order(i)) for i in (1, 2)]
result = [task.result() for task in tasks]
