#: outcome: raised
#: kind: ToolTimeout
lab.fail(how="timeout")
