#: outcome: returned
#: result: ["held_bytes", 20000, true]
#: limits: {"held_bytes": 20000}
import asyncio
try:
    await asyncio.gather(*[lab.text_of(bytes=9000) for _ in range(4)])
except ToolLimitReached as error:
    result = [error.limit, error.allowed, error.used > error.allowed]
