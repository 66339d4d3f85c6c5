#: outcome: raised
#: kind: ToolError
result = retry(lab.fail, how="429: retry after 120 s")
