#: outcome: raised
#: kind: TypeError
row = lab.echo(value=None)
result = row["id"]
