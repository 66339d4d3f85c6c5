#: outcome: raised
#: kind: SyntaxError
def load():
    return await crm.get_contacts()
result = load()
