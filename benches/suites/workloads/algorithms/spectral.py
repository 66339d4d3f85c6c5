# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = 1.2742
# ///
# The spectral norm of an infinite matrix.
def a(i, j):
    return 1 / ((i + j) * (i + j + 1) // 2 + i + 1)


def times(v, transposed):
    n = range(len(v))
    return [sum((a(j, i) if transposed else a(i, j)) * v[j] for j in n) for i in n]


u = [1.0] * 40
for _ in range(4):
    v = times(times(u, False), True)
    u = times(times(v, False), True)
norm = (sum(x * y for x, y in zip(u, v)) / sum(y * y for y in v)) ** 0.5
result = round(norm, 4)
