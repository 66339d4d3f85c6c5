#: outcome: stopped
#: limit: fuel
#: limits: {"fuel": 2000000000}
import itertools
result = (0 for _ in itertools.count() if False)
