#: outcome: raised
result = mcp.slack.post("x")
