# /// script
# [tool.exuvia]
# fuel = 100_000_000
# wall_ms = 2000
# returns = true
# ///
# Waiting is no work: in the fixed world of a workload it ends at once.
import time

time.sleep(1_000_000)
result = time.time() > 1_800_000_000
