# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = 40
# ///
# Eight queens by permutations: the whole search.
from itertools import permutations

result = sum(
    1
    for columns in permutations(range(7))
    if len({row + column for row, column in enumerate(columns)}) == 7
    and len({row - column for row, column in enumerate(columns)}) == 7
)
