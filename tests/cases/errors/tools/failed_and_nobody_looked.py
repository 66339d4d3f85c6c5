#: outcome: raised
#: answer: varies
#: kind: ToolError
import asyncio

async def main():
    lab.fail(how="disk full")
    return 1

result = asyncio.run(main())
