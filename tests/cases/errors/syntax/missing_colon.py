#: outcome: raised
#: kind: SyntaxError
contacts = crm.get_contacts()
for c in contacts["items"]
    print(c)
