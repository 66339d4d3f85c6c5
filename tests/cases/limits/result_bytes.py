#: outcome: stopped
#: limit: result_bytes
#: limits: {"result_bytes": 1000}
result = "x" * 1000
