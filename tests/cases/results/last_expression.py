#: outcome: returned
#: result: [1, 2]
x = [1]
x + [2]
