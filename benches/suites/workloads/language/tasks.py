# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = 21253400
# ///
# Coroutines, task groups and queues, without any tool.
import asyncio


async def work(queue, done):
    while (n := await queue.get()) is not None:
        await asyncio.sleep(0)
        done.append(n * n)


async def main():
    queue, done = asyncio.Queue(), []
    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(work(queue, done))
        for n in range(400):
            queue.put_nowait(n)
        for _ in range(8):
            queue.put_nowait(None)
    return sum(done)


result = await main()
