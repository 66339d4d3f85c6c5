#: outcome: returned
#: result: 10001
import json
result = len(json.dumps(str(10 ** 10000))) - 2
