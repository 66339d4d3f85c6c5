#: outcome: raised
#: kind: SyntaxError
x = eval("1\0")
