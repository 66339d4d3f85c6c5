#: outcome: returned
#: result: [[[1, 2], [3]], {"a": [1, 3], "b": [2]}, 120, [["x", 3], ["y", 1]], [0, 1, 3, 6], 832040, "hey, Ada", [3, 2, 1]]
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque
from functools import cache, partial, reduce, singledispatch
from itertools import accumulate, batched, groupby

groups = defaultdict(list)
for key, value in [("a", 1), ("b", 2), ("a", 3)]:
    groups[key].append(value)

@cache
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)

@singledispatch
def kind(x):
    return "other"

@kind.register
def _(x: int):
    return "int"

assert (kind(1), kind("")) == ("int", "other")
assert [k for k, _ in groupby("aabbb")] == ["a", "b"]
assert ChainMap({"a": 1}, {"a": 2, "b": 3})["b"] == 3
queue = deque([1, 2, 3], maxlen=3)
queue.reverse()
result = [
    [list(batch) for batch in batched([1, 2, 3], 2)],
    groups,
    reduce(lambda a, b: a * b, range(1, 6)),
    Counter("xxyx").most_common(),
    list(accumulate(range(4))),
    fib(30),
    partial("{}, {}".format, "hey")("Ada"),
    queue,
]
