# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# tools = ["lab.later"]
# returns = 4950
# ///
# A hundred calls at once.
import asyncio

result = sum(await asyncio.gather(*[lab.later(value=n) for n in range(100)]))
