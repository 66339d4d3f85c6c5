# finds: 2 unknown-server, 5 unknown-server
rows = sqllite.read_query(query="SELECT 1")
tables = sqlite.list_tables()
for table in tables:
    mcp.sqlit.describe_table(table_name=table["name"])
result = rows
