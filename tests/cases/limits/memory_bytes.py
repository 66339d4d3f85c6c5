#: outcome: stopped
#: limit: memory_bytes
#: limits: {"memory_bytes": 67108864}
rows = []
while True:
    rows.append("x" * 1000000)
