# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = [1_498_501, 401, 3_000]
# ///
# Raising, catching, groups and notes.
def careful(n):
    try:
        if n % 3 == 0:
            raise ValueError(n)
        if n % 5 == 0:
            raise KeyError(n)
        return 0
    except ValueError as error:
        return error.args[0]
    finally:
        seen.append(n)


seen, total, keys = [], 0, 0
for n in range(3_000):
    try:
        total += careful(n)
    except KeyError:
        keys += 1
try:
    raise ExceptionGroup("both", [ValueError(1), TypeError(2)])
except* ValueError as group:
    total += len(group.exceptions)
except* TypeError:
    keys += 1
result = [total, keys, len(seen)]
