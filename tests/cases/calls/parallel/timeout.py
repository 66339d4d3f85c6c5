#: outcome: returned
#: result: ["timeout", "wait_for", "ok"]
import asyncio
seen = []
try:
    async with asyncio.timeout(0.02):
        await lab.sleep(ms=20000)
except TimeoutError:
    seen.append("timeout")
try:
    await asyncio.wait_for(lab.sleep(ms=20000), 0.02)
except TimeoutError:
    seen.append("wait_for")
seen.append(await asyncio.wait_for(lab.echo(value="ok"), 10))
result = seen
