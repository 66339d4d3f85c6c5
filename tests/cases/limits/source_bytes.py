#: outcome: stopped
#: limit: source_bytes
#: limits: {"source_bytes": 20}
result = 1
