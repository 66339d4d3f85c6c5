#: outcome: raised
#: kind: KeyError
def price(line):
    return line["price"]

def total(lines):
    return sum(price(line) for line in lines)

def report():
    return total([{"price": 1}, {"cost": 2}])

result = report()
