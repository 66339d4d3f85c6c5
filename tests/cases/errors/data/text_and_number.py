#: outcome: raised
#: kind: TypeError
order = crm.get_last_order(id=1)
result = "total: " + order["total"]
