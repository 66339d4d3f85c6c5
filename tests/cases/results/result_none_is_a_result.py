#: outcome: returned
#: result: null
result = None
5
