#: outcome: raised
#: kind: SyntaxError
x = [1, 2
y = 3
