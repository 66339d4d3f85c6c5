#: outcome: raised
#: kind: ToolError
result = lab.fail(how="data")
