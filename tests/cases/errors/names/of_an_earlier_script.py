#: outcome: raised
#: kind: NameError
result = len(found)
