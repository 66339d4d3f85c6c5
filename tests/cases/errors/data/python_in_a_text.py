#: outcome: raised
#: kind: JSONDecodeError
import json
text = "[{'id': 1, 'name': None}]"
result = json.loads(text)
