#: outcome: returned
#: result: [10, 20]
import asyncio

async with asyncio.TaskGroup() as group:
    tasks = [group.create_task(crm.get_last_order(id=i)) for i in (1, 2)]
result = [task.result()["order_id"] for task in tasks]
