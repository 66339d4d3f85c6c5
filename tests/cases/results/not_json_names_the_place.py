#: outcome: raised
import threading
result = {"items": [1, {"when": threading.Lock()}]}
