#: outcome: returned
#: result: [true, "else", [1, 2, 3, 4], {"a": 1, "b": 2}, 1000000, "ab", [3, 5], "é", 6, true, [2, 1], "loop ended"]
class Matrix:
    def __matmul__(self, other): return "ab"

def annotated(x: "anything" = 1, *, y=...) -> ...: return y

for n in range(3):
    if n == 5:
        break
else:
    ended = "loop ended"
ä = 6
values = [0, 1, 2]
values[1:2] = [5]
del values[0]
i = 0
while i < 3:
    i += 1
    if i == 2: continue
result = [1 < 2 < 3 != 4, "if" if False else "else", [*range(1, 3), *(3, 4)], {**{"a": 1}, "b": 2}, 1_000_000,
          Matrix() @ None, (lambda *a, k=3: [k, *a])(5), "\N{LATIN SMALL LETTER E WITH ACUTE}", ä,
          annotated() is Ellipsis, [values[1], 1], ended]
