# /// script
# [tool.exuvia]
# fuel = 5_000_000_000
# memory_bytes = 100_663_296
# stopped = "memory_bytes"
# ///
# Memory without end: a MemoryError that nobody catches.
hoard = []
while True:
    hoard.append(bytearray(1 << 20))
