# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = [1_000, 70_280]
# ///
# JSON out and in, as between any two tools.
import json

rows = [{"id": n, "name": f"Contact {n}", "tags": ["a", "b"], "open": n % 2 == 0} for n in range(1_000)]
for _ in range(3):
    text = json.dumps(rows)
    rows = json.loads(text)
result = [len(rows), len(text)]
