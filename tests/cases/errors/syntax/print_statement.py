#: outcome: raised
#: kind: SyntaxError
print "hello"
