#: outcome: returned
#: limits: {"result_bytes": 10}
#: result: "12345678"
result = "12345678"
