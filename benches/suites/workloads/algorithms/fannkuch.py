# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = [228, 16]
# ///
# Flips of prefixes over all permutations of seven.
def fannkuch(n):
    count, most, checksum, sign = list(range(1, n + 1)), 0, 0, 1
    perm = list(range(n))
    while True:
        if perm[0]:
            flipped, flips = perm[:], 0
            while first := flipped[0]:
                flipped[: first + 1] = flipped[first::-1]
                flips += 1
            most = max(most, flips)
            checksum += sign * flips
        if sign == 1:
            perm[0], perm[1], sign = perm[1], perm[0], -1
            continue
        perm[1], perm[2], sign = perm[2], perm[1], 1
        for i in range(2, n):
            count[i] -= 1
            if count[i]:
                break
            count[i] = i + 1
            if i == n - 1:
                return [checksum, most]
            perm[: i + 2] = perm[1 : i + 2] + [perm[0]]


result = fannkuch(7)
