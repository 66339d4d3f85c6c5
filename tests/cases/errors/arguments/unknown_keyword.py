#: outcome: raised
#: kind: TypeError
result = crm.get_contacts(max=10)
