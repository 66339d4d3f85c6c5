#: outcome: raised
#: kind: ValueError
result = lab.echo(value={"rows": {None: 1, "null": 2}})
