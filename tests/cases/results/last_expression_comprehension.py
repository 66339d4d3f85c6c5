#: outcome: returned
#: result: [0, 1]
rows = range(2)
[row for row in rows]
