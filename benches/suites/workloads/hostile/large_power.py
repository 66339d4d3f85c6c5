# /// script
# [tool.exuvia]
# fuel = 100_000_000
# stopped = "fuel"
# ///
# A number that would take hours.
result = len(str(7 ** (7**9)))
