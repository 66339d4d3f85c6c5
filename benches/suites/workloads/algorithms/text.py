# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = [20, 1_140]
# ///
# Word counts and edit distances.
from collections import Counter

words = [f"{'aeiou'[n % 5]}{'bcdfg'[n * 7 % 5]}{'lmnr'[n % 4]}{'st'[n % 2]}" for n in range(4_000)]


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


common = [word for word, _ in Counter(words).most_common(20)]
result = [len(set(words)), sum(distance(a, b) for a in common for b in common)]
