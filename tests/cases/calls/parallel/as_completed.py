#: outcome: returned
#: result: [[1, 40], [1, 40], "FIRST"]
import asyncio
first = [await value for value in asyncio.as_completed([lab.sleep(ms=40), lab.sleep(ms=1)])]
second = []
async for done in asyncio.as_completed([lab.sleep(ms=40), lab.sleep(ms=1)]):
    second.append(await done)
done, pending = await asyncio.wait([asyncio.ensure_future(lab.sleep(ms=1)), asyncio.ensure_future(lab.sleep(ms=300))],
                                   return_when=asyncio.FIRST_COMPLETED)
result = [first, second, "FIRST" if len(done) == len(pending) == 1 else [len(done), len(pending)]]
