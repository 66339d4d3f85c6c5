#: outcome: raised
result = crm["getContacts"]()
