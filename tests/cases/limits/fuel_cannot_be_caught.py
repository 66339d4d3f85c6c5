#: outcome: stopped
#: limit: fuel
#: limits: {"fuel": 100000000}
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
