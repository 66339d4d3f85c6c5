# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# tools = ["lab.rows"]
# tool_calls = 20
# returns = [2_000, "west", 999_000]
# ///
# Twenty pages, joined, grouped and cut to what matters.
rows, offset = [], 0
while offset is not None:
    page = lab.rows(offset=offset, limit=100)
    rows += page["items"]
    offset = page["next"]
totals = {}
for row in rows:
    totals[row["region"]] = totals.get(row["region"], 0) + row["amount"]
result = [len(rows), max(totals, key=totals.get), sum(totals.values())]
