#: outcome: stopped
#: limit: fuel
#: limits: {"fuel": 100000000}
print("begun")
crm.get_contacts()
while True:
    pass
