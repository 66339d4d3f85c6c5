#: outcome: raised
#: kind: NameError
result = crmm.get_contacts()
