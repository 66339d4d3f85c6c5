#: outcome: raised
result = mcp.list_tool_files(query="mail")
