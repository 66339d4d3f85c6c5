#: outcome: raised
#: kind: ToolLimitReached
#: limits: {"call_result_bytes": 1000}
lab.text_of(bytes=5000)
