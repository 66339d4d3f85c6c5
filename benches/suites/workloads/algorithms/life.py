# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = [8, -20]
# ///
# Conway's game of life on sets.
from collections import Counter

cells = {(1, 0), (2, 1), (0, 2), (1, 2), (2, 2)} | {(-20 + n, 20) for n in range(3)}
for _ in range(120):
    near = Counter((x + dx, y + dy) for x, y in cells for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy)
    cells = {cell for cell, count in near.items() if count == 3 or (count == 2 and cell in cells)}
result = [len(cells), min(cells)[0]]
