#: outcome: returned
#: result: [[10, 20], 60]
async def orders(ids):
    for i in ids:
        yield await crm.get_last_order(id=i)

listed = [o["order_id"] async for o in orders([1, 2])]
result = [listed, sum([(await crm.get_last_order(id=i))["order_id"] for i in (1, 2, 3)])]
