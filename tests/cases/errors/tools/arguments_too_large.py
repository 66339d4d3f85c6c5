#: outcome: raised
#: kind: ToolLimitReached
#: limits: {"call_arguments_bytes": 1000}
lab.echo(value="x" * 5000)
