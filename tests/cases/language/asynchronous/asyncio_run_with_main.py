#: outcome: returned
#: result: {"sum": 3}
import asyncio

async def part(n):
    await asyncio.sleep(0.001)
    return n

async def main():
    return {"sum": sum(await asyncio.gather(part(1), part(2)))}

if __name__ == "__main__":
    result = asyncio.run(main())
