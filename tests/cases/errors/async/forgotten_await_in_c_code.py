#: outcome: raised
#: kind: TypeError
import asyncio, re
await asyncio.sleep(0)
result = re.search("x", lab.echo(value="xyz"))
