#: outcome: returned
#: limits: {"tool_calls": 5}
#: result: 15
result = sum(crm.get_contacts()["total"] for _ in range(5))
