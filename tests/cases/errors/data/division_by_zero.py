#: outcome: raised
#: kind: ZeroDivisionError
rows = []
result = sum(rows) / len(rows)
