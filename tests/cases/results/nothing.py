#: outcome: returned
#: result: null
x = 1
