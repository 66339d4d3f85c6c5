#: outcome: returned
#: result: ["failed: x", "CancelledError"]
import asyncio

seen = []

async def slow():
    try:
        await lab.sleep(ms=20000)
    except asyncio.CancelledError as error:
        seen.append("CancelledError")
        raise

async def failing():
    await lab.fail(how="x")

try:
    async with asyncio.TaskGroup() as group:
        group.create_task(slow())
        group.create_task(failing())
except* ToolError as errors:
    told = errors.exceptions[0].message
result = [told, *seen]
