#: outcome: returned
#: result: null
match 3:
    case 4: len("x")
    case _: len("y")
