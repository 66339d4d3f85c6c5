#: outcome: returned
#: result: [10, 20, 30, 40]
import asyncio
from concurrent.futures import ThreadPoolExecutor

loop = asyncio.get_running_loop()
threads = [asyncio.to_thread(crm.get_last_order, id=1), asyncio.to_thread(crm.get_last_order, 2)]
orders = await asyncio.gather(*threads, loop.run_in_executor(None, crm.get_last_order, 3))
with ThreadPoolExecutor() as pool:
    orders.append(pool.submit(crm.get_last_order, id=4).result())
result = [order["order_id"] for order in orders]
