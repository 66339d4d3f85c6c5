#: outcome: returned
#: result: {"a": 1}
rows = 1
dict(
    a=rows,
)
