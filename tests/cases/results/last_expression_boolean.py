#: outcome: returned
#: result: [1]
rows = [1]
rows and [1]
