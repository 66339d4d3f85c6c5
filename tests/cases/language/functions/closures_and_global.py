#: outcome: returned
#: result: [3, 2, [1, 2, 3], 10, "kw"]
count = 0

def bump():
    global count
    count += 1

def counter():
    n = 0
    def inc():
        nonlocal n
        n += 1
        return n
    return inc

def spread(a, /, b, *args, c=10, **kw):
    return [a, b, *args], c, next(iter(kw), None)

for _ in range(3):
    bump()
inc = counter()
inc()
values, c, kw = spread(1, 2, 3, kw=1)
result = [count, inc(), values, c, kw]
