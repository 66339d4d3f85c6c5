#: outcome: raised
#: kind: ValueError
result = int("12 EUR")
