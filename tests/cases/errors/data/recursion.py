#: outcome: raised
#: kind: RecursionError
def walk(n):
    return walk(n + 1)

result = walk(0)
