#: outcome: raised
#: kind: JSONDecodeError
import json
json.loads("{'a': 1}")
