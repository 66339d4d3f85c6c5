# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# tools = ["lab.fail", "lab.echo"]
# returns = [10, "no row 27"]
# ///
# Calls that fail, are counted and worked around.
failed = []
for n in range(30):
    try:
        lab.fail(message=f"no row {n}") if n % 3 == 0 else lab.echo(value=n)
    except ToolError as error:
        failed.append(error.message)
result = [len(failed), failed[-1]]
