#: outcome: raised
#: kind: EOFError
name = input("name? ")
