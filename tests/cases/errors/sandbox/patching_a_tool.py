#: outcome: raised
#: kind: AttributeError
crm.get_contacts = lambda: []
