#: outcome: raised
#: kind: NameError
result = mcp__crm__get_contact(limit=1)
