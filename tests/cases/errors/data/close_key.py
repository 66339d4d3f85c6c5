#: outcome: raised
#: kind: KeyError
result = crm.get_contacts()["item"]
