#: outcome: raised
#: kind: NameError
result = call_tool("crm", "get_contacts", {"limit": 1})
