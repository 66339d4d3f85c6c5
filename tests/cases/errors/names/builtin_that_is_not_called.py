#: outcome: raised
#: kind: NameError
result = [sets]
