#: outcome: returned
#: result: "none"
rows = []
"some" if rows else "none"
