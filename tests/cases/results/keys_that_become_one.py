#: outcome: raised
result = {"by_id": [{1: "a"}, {1: "b", 2: "c", "1": "d"}]}
