# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = [{zero = 1, odd = 5_000, even = 4_999}, 332_833_500]
# ///
# Generators, comprehensions, unpacking and matching.
def squares(limit):
    for n in range(limit):
        yield n, n * n


def kind(value):
    match value:
        case (0, _):
            return "zero"
        case (n, square) if n % 2:
            return "odd"
        case _:
            return "even"


counts = {}
for pair in squares(10_000):
    name = kind(pair)
    counts[name] = counts.get(name, 0) + 1
result = [counts, sum(square for _, square in squares(1_000))]
