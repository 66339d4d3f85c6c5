#: outcome: raised
#: kind: TypeError
result = lab.echo(value={"when": object()})
