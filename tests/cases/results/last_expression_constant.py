#: outcome: returned
#: result: "the end"
rows = 3
"the end"
