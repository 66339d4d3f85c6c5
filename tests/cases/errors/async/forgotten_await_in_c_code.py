#: outcome: raised
#: kind: TypeError
import asyncio, re
await asyncio.sleep(0)
task = asyncio.ensure_future(lab.echo(value="xyz"))
lab.echo(value="abc")
result = re.search("x", task)
