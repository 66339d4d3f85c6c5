# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# tools = ["lab.echo"]
# returns = 2000000
# ///
# Large values through the boundary, both ways.
text = "x" * 200_000
result = sum(len(lab.echo(value=text)) for _ in range(10))
