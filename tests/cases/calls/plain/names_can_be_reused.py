#: outcome: returned
#: result: [1, 3]
crm = 1
result = [crm, mcp.crm.get_contacts()["total"]]
