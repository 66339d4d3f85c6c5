#: outcome: raised
#: kind: KeyError
orders = [crm.get_last_order(id=c["id"]) for c in crm.get_contacts()["items"]]
top = [o for o in orders if o["revenue"] > 10000]
result = top
