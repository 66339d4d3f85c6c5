#: outcome: returned
#: result: "done"
import asyncio

async def main():
    lab.echo(value=1)
    return "done"

result = asyncio.run(main())
