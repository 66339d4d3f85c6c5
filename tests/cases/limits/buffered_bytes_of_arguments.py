#: outcome: returned
#: result: [true, "buffered_bytes"]
#: limits: {"buffered_bytes": 20000, "concurrent_calls": 1}
import asyncio
outcomes = await asyncio.gather(*[lab.sleep(ms=20)] + [lab.echo(value="x" * 9000) for _ in range(3)], return_exceptions=True)
refused = [outcome for outcome in outcomes if isinstance(outcome, ToolLimitReached)]
result = [len(refused) > 0, refused[0].limit]
