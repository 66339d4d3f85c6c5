#: outcome: returned
#: result: null
