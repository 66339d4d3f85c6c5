#: outcome: returned
#: result: [10, 20, 30]
import asyncio
orders = await asyncio.gather(*[crm.get_last_order(id=i) for i in (1, 2, 3)])
result = [order["order_id"] for order in orders]
