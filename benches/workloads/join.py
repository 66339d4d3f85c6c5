import statistics
from collections import defaultdict

by_region = defaultdict(list)
for n in range(50):
    by_region["NESW"[n % 4]].append({"id": n, "revenue": lab.echo(value=n * 317 % 1_000)})
top = {region: max(rows, key=lambda row: row["revenue"]) for region, rows in by_region.items()}
means = {region: round(statistics.fmean(row["revenue"] for row in rows), 2) for region, rows in by_region.items()}
result = {"top": top, "means": means}
