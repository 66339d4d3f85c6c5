#: outcome: returned
#: result: 5
rows = [1, 4]
if not rows:
    return None
return sum(rows)
