#: outcome: raised
#: limits: {"held_bytes": 20000}
import asyncio
result = len(await asyncio.gather(*[lab.text_of(bytes=9000) for _ in range(4)]))
