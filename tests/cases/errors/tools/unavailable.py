#: outcome: raised
#: kind: ToolUnavailable
lab.fail(how="unavailable")
