#: outcome: raised
#: kind: AttributeError
result = crm.get_contact(1)
