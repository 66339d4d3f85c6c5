#: outcome: returned
#: result: ["else", "finally", "ZeroDivisionError", "from KeyError", ["ValueError", "TypeError"], "note", "two kinds"]
log = []
try:
    pass
except ValueError:
    log.append("except")
else:
    log.append("else")
finally:
    log.append("finally")
try:
    1 / 0
except (ValueError, ArithmeticError) as error:
    log.append(type(error).__name__)
try:
    try:
        {}["x"]
    except KeyError as error:
        raise RuntimeError("wrapped") from error
except RuntimeError as error:
    log.append(f"from {type(error.__cause__).__name__}")
caught = []
try:
    raise ExceptionGroup("both", [ValueError(1), TypeError(2)])
except* ValueError as group:
    caught += [type(e).__name__ for e in group.exceptions]
except* TypeError as group:
    caught += [type(e).__name__ for e in group.exceptions]
log.append(caught)
try:
    error = ValueError()
    error.add_note("note")
    raise error
except ValueError as error:
    log.append(error.__notes__[0])
try:
    raise TypeError
except ValueError, TypeError:
    log.append("two kinds")
result = log
