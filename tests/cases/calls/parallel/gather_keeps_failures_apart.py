#: outcome: returned
#: result: [1, "ToolError", 2]
import asyncio
values = await asyncio.gather(lab.echo(value=1), lab.fail(how="x"), lab.echo(value=2), return_exceptions=True)
result = [type(v).__name__ if isinstance(v, Exception) else v for v in values]
