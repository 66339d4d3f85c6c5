#: outcome: raised
#: kind: AttributeError
contacts = crm.get_contacts()["items"]
result = [c.id for c in contacts]
