#: outcome: returned
#: result: [[1, 2, 3], "set", 2, "timed out", ["a", "b"], "cancelled", "ctx"]
import asyncio
import contextvars

queue, event, lock = asyncio.Queue(), asyncio.Event(), asyncio.Lock()
var = contextvars.ContextVar("var", default="none")

async def produce():
    for n in (1, 2, 3):
        await queue.put(n)
    event.set()

async def consume():
    return [await queue.get() for _ in range(3)]

_, got = await asyncio.gather(produce(), consume())
await event.wait()
peak = running = 0
gate = asyncio.Semaphore(2)

async def work():
    global peak, running
    async with gate:
        running += 1
        peak = max(peak, running)
        await asyncio.sleep(0.001)
        running -= 1

await asyncio.gather(*[work() for _ in range(6)])
try:
    async with asyncio.timeout(0.005):
        await asyncio.sleep(10)
except TimeoutError:
    late = "timed out"
order = []
async with asyncio.TaskGroup() as group:
    for name in "ab":
        group.create_task(asyncio.sleep(0, name)).add_done_callback(lambda t: order.append(t.result()))
task = asyncio.create_task(asyncio.sleep(10))
await asyncio.sleep(0)
task.cancel()
try:
    await task
except asyncio.CancelledError:
    ended = "cancelled"
var.set("ctx")
result = [got, "set", peak, late, order, ended, await asyncio.create_task(asyncio.sleep(0, var.get()))]
