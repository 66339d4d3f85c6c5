# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# tools = ["lab.rows", "lab.later"]
# ///
# A page, and a call for each of its rows.
import asyncio

page = lab.rows(limit=60)
detail = await asyncio.gather(*[lab.later(value={"id": row["id"], "open": row["id"] % 3 == 0}) for row in page["items"]])
open_ids = {one["id"] for one in detail if one["open"]}
result = [len(open_ids), sum(row["amount"] for row in page["items"] if row["id"] in open_ids)]
