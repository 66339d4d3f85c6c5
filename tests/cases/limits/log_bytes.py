#: outcome: returned
#: limits: {"log_bytes": 100}
for i in range(1000):
    print(f"line {i}")
result = "done"
