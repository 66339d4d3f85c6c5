#: outcome: raised
#: answer: varies
#: kind: ExceptionGroup
import asyncio

async def one(i):
    return (await crm.get_last_order(id=i))["revenue"]

async with asyncio.TaskGroup() as group:
    for i in (1, 2):
        group.create_task(one(i))
