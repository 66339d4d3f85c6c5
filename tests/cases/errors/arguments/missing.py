#: outcome: raised
#: kind: TypeError
result = crm.get_last_order()
