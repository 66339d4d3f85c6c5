#: outcome: raised
result = crm.get_contacts
