# /// script
# [tool.exuvia]
# fuel = 100_000_000
# stopped = "fuel"
# ///
# A tight loop inside C code is metered as well.
result = sum(range(10**12))
