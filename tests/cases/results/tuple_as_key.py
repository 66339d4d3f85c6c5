#: outcome: raised
result = {("a", 1): 2}
