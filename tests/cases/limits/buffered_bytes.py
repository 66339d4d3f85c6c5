#: outcome: returned
#: limits: {"buffered_bytes": 20000}
#: result: [["buffered_bytes", 20000, true]]
import asyncio
calls = [lab.text_of(bytes=9000) for _ in range(6)]
# All are answered before the first answer is taken: only two of the six fit.
await asyncio.sleep(1)
told = [value for value in await asyncio.gather(*calls, return_exceptions=True) if isinstance(value, ToolLimitReached)]
result = [[told[0].limit, told[0].allowed, told[0].used > told[0].allowed]] if told else None
