#: outcome: stopped
#: answer: varies
#: limit: tool_calls
#: limits: {"tool_calls": 5}
import asyncio
await asyncio.gather(*[crm.get_contacts() for _ in range(6)])
