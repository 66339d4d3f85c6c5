#: outcome: raised
#: kind: TypeError
result = list(pages(crm.get_last_order, id=1))
