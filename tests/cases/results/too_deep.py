#: outcome: raised
a = 1
for _ in range(101):
    a = [a]
result = a
