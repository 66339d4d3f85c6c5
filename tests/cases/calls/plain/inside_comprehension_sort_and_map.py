#: outcome: returned
#: result: [[10, 20], [3, 2, 1], [100.5, 201.0]]
result = [
    [crm.get_last_order(id=i)["order_id"] for i in (1, 2)],
    sorted([1, 2, 3], key=lambda i: -crm.get_last_order(id=i)["total"]),
    list(map(lambda i: crm.get_last_order(i)["total"], (1, 2))),
]
