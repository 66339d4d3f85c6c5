#: outcome: raised
#: kind: TypeError
row = {"body": '{"id": 1, "tags": []}'}
result = row["body"]["id"]
