#: outcome: returned
#: result: [[10, 20], [30, 40], [10, 20]]
from concurrent.futures import ThreadPoolExecutor, as_completed

with ThreadPoolExecutor(max_workers=8) as pool:
    mapped = list(pool.map(crm.get_last_order, [1, 2]))
    futures = {pool.submit(lambda i=i: crm.get_last_order(id=i)): i for i in (3, 4)}
    completed = sorted(future.result()["order_id"] for future in as_completed(futures))
    wrapped = list(pool.map(lambda i: crm.get_last_order(id=i)["order_id"], [1, 2]))
result = [[o["order_id"] for o in mapped], completed, wrapped]
