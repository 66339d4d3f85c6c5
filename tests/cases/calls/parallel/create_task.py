#: outcome: returned
#: result: [1, 2]
import asyncio
task = asyncio.create_task(lab.echo(value=1))
other = asyncio.ensure_future(lab.echo(value=2))
result = [await task, await other]
