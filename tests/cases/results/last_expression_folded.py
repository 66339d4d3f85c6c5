#: outcome: returned
#: result: 3
rows = 3
1 + 2
