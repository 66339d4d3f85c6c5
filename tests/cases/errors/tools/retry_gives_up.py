#: outcome: raised
#: kind: ToolUnavailable
result = retry(lab.fail, n=2, how="unavailable")
