#: outcome: returned
#: limits: {"call_timeout_ms": 30}
#: result: "TimeoutError"
try:
    lab.sleep(ms=10000)
except TimeoutError as error:
    result = TimeoutError.__name__
