#: outcome: raised
#: kind: NameError
result = crm_get_contacts(limit=1)
