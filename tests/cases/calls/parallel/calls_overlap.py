#: outcome: returned
#: result: true
import asyncio, time
started = time.monotonic()
await asyncio.gather(*[lab.sleep(ms=100) for _ in range(20)])
result = time.monotonic() - started < 1.0
