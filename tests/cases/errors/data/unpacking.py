#: outcome: raised
#: kind: ValueError
a, b = crm.get_contacts()["items"]
