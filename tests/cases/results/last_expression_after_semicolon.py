#: outcome: returned
#: result: 2
rows = [1]; rows.append(2); len(rows)
