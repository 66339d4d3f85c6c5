#: outcome: returned
#: result: ["crm has no tool 'get_orders'", "echo() is fine"]
# What a script prints or returns of it is not told once more.
told = []
arguments = {"limits": 10}
try:
    crm.get_contacts(**arguments)
except TypeError as error:
    print("no contacts:", error)
try:
    crm["get_orders"]()
except AttributeError as error:
    told.append(str(error).split(";")[0])
result = told + ["echo() is fine"]
