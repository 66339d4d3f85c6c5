#: outcome: returned
#: result: [false, null, false, true]
# Calls that never reach the host leave a line in the log, except where a script only looks whether there is a tool.
print("begun", end="")
for arguments in [{"limits": 10}, {"max": 3}]:
    try:
        crm.get_contacts(**arguments)
    except TypeError:
        pass
for find in [
    lambda: getattr(crm, "get_orders"),
    lambda: mcp["sales"],
    lambda: lab.echo(value={1, object()}),
]:
    try:
        find()
    except Exception:
        pass
result = [hasattr(crm, "get_orders"), getattr(mcp, "sales", None), "sales" in mcp, all(hasattr(crm, n) for n in dir(crm))]
