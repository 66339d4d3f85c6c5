#: outcome: raised
result = {"rates": [1.0, float("nan")]}
