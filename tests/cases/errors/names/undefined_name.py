#: outcome: raised
#: kind: NameError
contacts = crm.get_contacts()
result = len(contcts["items"])
