# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = [4, 4_000]
# ///
# CSV in, grouped, summed, out again.
import csv, io, statistics
from collections import defaultdict

text = "region,amount\n" + "".join(f"{'NESW'[n % 4]},{n * 317 % 1_000}\n" for n in range(4_000))
groups = defaultdict(list)
for row in csv.DictReader(io.StringIO(text)):
    groups[row["region"]].append(int(row["amount"]))
out = io.StringIO()
csv.writer(out).writerows((region, sum(amounts), statistics.median(amounts)) for region, amounts in groups.items())
result = [out.getvalue().count("\n"), sum(map(len, groups.values()))]
