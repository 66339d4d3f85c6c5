#: outcome: raised
#: kind: ValueError
raise ValueError("x" * 100000)
