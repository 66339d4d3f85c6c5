#: outcome: stopped
#: limit: wall_ms
#: limits: {"wall_ms": 200}
lab.sleep(ms=100000)
