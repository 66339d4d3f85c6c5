#: outcome: returned
#: result: ["call", "sleep"]
import asyncio
order = []

async def sleeping():
    await asyncio.sleep(0.08)
    order.append("sleep")

async def calling():
    await lab.sleep(ms=1)
    order.append("call")

await asyncio.gather(sleeping(), calling())
result = order
