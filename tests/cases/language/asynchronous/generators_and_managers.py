#: outcome: returned
#: result: [[0, 2, 4], "in", "out", [0, 1], "closed"]
import asyncio
from contextlib import aclosing, asynccontextmanager

log = []

async def numbers(n):
    try:
        for i in range(n):
            await asyncio.sleep(0)
            yield i
    finally:
        log.append("closed")

@asynccontextmanager
async def scope():
    log.append("in")
    yield
    log.append("out")

doubled = [2 * i async for i in numbers(3)]
log.clear()
async with scope():
    pass
got = []
async with aclosing(numbers(5)) as stream:
    async for i in stream:
        got.append(i)
        if i == 1:
            break
result = [doubled, *log[:2], got, log[2]]
