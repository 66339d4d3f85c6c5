# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = -2.364407
# ///
# Planets: floating-point arithmetic.
from math import sqrt

BODIES = [
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 39.47],
    [4.84, -1.16, -0.10, 0.60, 2.81, -0.02, 0.037],
    [8.34, 4.12, -0.40, -1.01, 1.82, 0.008, 0.011],
    [12.89, -15.11, -0.22, 1.08, 0.86, -0.01, 0.0017],
]
PAIRS = [(a, b) for i, a in enumerate(BODIES) for b in BODIES[i + 1 :]]

for _ in range(400):
    for a, b in PAIRS:
        d = [a[k] - b[k] for k in range(3)]
        square = d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
        pull = 0.01 / (square * sqrt(square))
        for k in range(3):
            a[3 + k] -= d[k] * b[6] * pull
            b[3 + k] += d[k] * a[6] * pull
    for body in BODIES:
        for k in range(3):
            body[k] += 0.01 * body[3 + k]
result = round(BODIES[1][0], 6)
