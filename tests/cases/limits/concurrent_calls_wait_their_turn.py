#: outcome: returned
#: limits: {"concurrent_calls": 1}
#: result: [0, 1, 2, 3]
import asyncio
result = await asyncio.gather(*[lab.echo(value=i) for i in range(4)])
