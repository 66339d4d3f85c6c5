#: outcome: raised
#: kind: ToolError
result = retry(lab.fail, how="x")
