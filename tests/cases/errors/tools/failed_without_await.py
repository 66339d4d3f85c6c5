#: outcome: raised
import asyncio

async def main():
    row = lab.fail(how="disk full")
    return row["id"]

result = asyncio.run(main())
