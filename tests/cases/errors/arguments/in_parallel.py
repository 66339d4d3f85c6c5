#: outcome: raised
#: answer: varies
#: kind: TypeError
import asyncio
result = await asyncio.gather(*[crm.get_last_order(id=str(i)) for i in range(3)])
