#: outcome: returned
#: result: 3
def f():
	x = 1
	return x + 2

result = f()
