#: outcome: raised
result = -float("inf")
