# /// script
# [tool.exuvia]
# fuel = 5_000_000_000
# tool_calls = 50
# tools = ["lab.echo"]
# stopped = "tool_calls"
# ///
# Calls without end.
while True:
    try:
        lab.echo(value=1)
    except Exception:
        pass
