#: outcome: raised
#: kind: RuntimeError
import asyncio
await asyncio.Event().wait()
