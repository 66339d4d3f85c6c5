#: outcome: returned
#: result: [10, 20, 30, 40, 50, 60]
import asyncio

queue, done = asyncio.Queue(), []

async def worker():
    while True:
        i = await queue.get()
        done.append((await crm.get_last_order(id=i))["order_id"])
        queue.task_done()

workers = [asyncio.create_task(worker()) for _ in range(3)]
for i in range(1, 7):
    queue.put_nowait(i)
await queue.join()
for w in workers:
    w.cancel()
await asyncio.gather(*workers, return_exceptions=True)
result = sorted(done)
