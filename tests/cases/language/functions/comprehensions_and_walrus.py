#: outcome: returned
#: result: [[[1, "a"], [2, "b"]], {"a": 1, "b": 4}, [1, 4], [3, 4], [2, 1], [1, [2, 3], 4]]
pairs = [(i, c) for i, c in enumerate("ab", 1)]
squares = {c: i * i for i, c in pairs}
long = [n for word in ["aaa", "b", "cccc"] if (n := len(word)) > 2]
first, *middle, last = [1, 2, 3, 4]
a, b = 1, 2
a, b = b, a
assert {n % 3 for n in range(9)} == {0, 1, 2}
result = [pairs, squares, sorted(squares.values()), long, [a, b], [first, middle, last]]
