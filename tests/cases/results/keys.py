#: outcome: returned
#: result: {"1": "a", "1.5": "b", "true": "c", "null": "d", "2026-11-22": "e"}
from datetime import date

result = {1.5: "b", None: "d", date(2026, 11, 22): "e", "true": "c", 1: "a"}
