#: outcome: raised
#: kind: AttributeError
answer = lab.echo(value='Found 2 rows: [{"id": 1}]')
result = answer.get("id")
