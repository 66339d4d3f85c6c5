total = 0
for n in range(100):
    total += lab.echo(value=n)
result = total
