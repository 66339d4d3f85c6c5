#: outcome: returned
#: result: 2
result = 1 + 1
