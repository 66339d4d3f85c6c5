#: outcome: returned
help(crm.get_contacts)
help(lab)
