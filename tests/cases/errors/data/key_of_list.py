#: outcome: raised
#: kind: TypeError
contacts = crm.get_contacts()
result = contacts["items"]["name"]
