#: outcome: returned
#: limits: {"log_bytes": 10}
print("äöü" * 100)
