#: outcome: raised
#: answer: varies
#: kind: ToolError
import asyncio
result = await asyncio.gather(lab.echo(value=1), lab.fail(how="disk full"), lab.echo(value=2))
