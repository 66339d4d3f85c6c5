#: outcome: raised
#: kind: IndentationError
def f():
return 1
