#: outcome: returned
a = 1
for _ in range(100):
    a = [a]
result = a
