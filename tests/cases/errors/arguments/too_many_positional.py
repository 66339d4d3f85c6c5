#: outcome: raised
#: kind: TypeError
result = crm.get_last_order(1, 2)
