#: outcome: stopped
#: limit: tool_calls
#: limits: {"tool_calls": 5}
while True:
    try:
        crm.get_contacts()
    except BaseException:
        pass
