#: outcome: returned
#: result: [[0, 1, 1, 2, 3, 5], [1, 2, 3, 4], "sent", "done", [1, [2, [3]]], [0, 4, 16]]
from itertools import islice

def fib():
    a, b = 0, 1
    while True:
        yield a
        a, b = b, a + b

def flatten(items):
    for item in items:
        if isinstance(item, list):
            yield from flatten(item)
        else:
            yield item

def echo():
    got = yield
    assert got == "sent"
    return got + "!"

def outer():
    value = yield from echo()
    yield value

e = outer()
next(e)
sent = e.send("sent")

def closing(log):
    try:
        yield 1
    finally:
        log.append("done")

log = []
g = closing(log)
next(g)
g.close()
result = [list(islice(fib(), 6)), list(flatten([1, [2, [3]], 4])), sent[:-1], log[0], [1, [2, [3]]],
          list(n * n for n in range(5) if n % 2 == 0)]
