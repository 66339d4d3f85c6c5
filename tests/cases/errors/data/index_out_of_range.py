#: outcome: raised
#: kind: IndexError
items = crm.get_contacts(limit=2)["items"]
result = items[2]
