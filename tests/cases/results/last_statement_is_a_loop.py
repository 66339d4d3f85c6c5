#: outcome: returned
#: result: null
rows = []
for n in range(3): rows.append(n)
else: len(rows)
