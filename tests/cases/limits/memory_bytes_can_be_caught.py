#: outcome: returned
#: limits: {"memory_bytes": 67108864}
#: result: "went on"
try:
    rows = ["x" * 1000000 * (n + 1) for n in range(1000)]
except MemoryError:
    rows = []
    result = "went on"
