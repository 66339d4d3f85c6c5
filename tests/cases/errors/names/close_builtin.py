#: outcome: raised
#: kind: NameError
result = srted([2, 1])
