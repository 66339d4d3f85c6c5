# tools: sqlite.list_tables, sqlite.read_query
def count(table):
    [row] = sqlite.read_query(query=f'SELECT COUNT(*) AS n FROM "{table.replace('"', '""')}"')
    return row["n"]


{t["name"]: count(t["name"]) for t in sqlite.list_tables()}
