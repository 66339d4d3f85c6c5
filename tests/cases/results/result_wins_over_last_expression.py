#: outcome: returned
#: result: "result"
result = "result"
"last"
