#: outcome: returned
result = ["x" * 100] * 1000
