# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# tools = ["lab.echo"]
# returns = 4950
# ///
# A hundred calls, one after the other.
total = 0
for n in range(100):
    total += lab.echo(value=n)
result = total
