#: outcome: stopped
#: limit: wall_ms
#: limits: {"wall_ms": 200}
import time
print("begun")
time.sleep(1000)
