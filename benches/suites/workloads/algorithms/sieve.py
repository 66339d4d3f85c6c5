# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = 17_984
# ///
# Primes by a byte array.
LIMIT = 200_000
flags = bytearray([1]) * (LIMIT + 1)
flags[0] = flags[1] = 0
for n in range(2, int(LIMIT**0.5) + 1):
    if flags[n]:
        flags[n * n :: n] = bytes(len(range(n * n, LIMIT + 1, n)))
result = sum(flags)
