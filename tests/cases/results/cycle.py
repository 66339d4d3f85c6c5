#: outcome: raised
a = {"name": "a"}
a["self"] = a
result = a
