#: outcome: returned
#: result: [[1, 2], [0, 1, 2], [1, 2], ["a"], [1], [0, 1], [0, 1, 4], [1, 2], ["a", "b"], [2, 1]]
from collections import deque

d = {"a": 1}
result = [(1, 2), range(3), deque([1, 2]), d.keys(), d.values(), map(int, "01"), (n * n for n in range(3)),
          {2, 1}, frozenset("ba"), reversed([1, 2])]
