#: outcome: raised
#: kind: TypeError
result = crm.get_contacts(limits=10)
