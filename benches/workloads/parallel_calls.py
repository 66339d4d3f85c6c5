import asyncio

result = sum(await asyncio.gather(*[lab.later(value=n) for n in range(100)]))
