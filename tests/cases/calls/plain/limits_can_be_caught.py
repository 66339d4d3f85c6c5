#: outcome: returned
#: limits: {"call_result_bytes": 1000, "call_arguments_bytes": 1000}
#: result: [["call_result_bytes", 1000], ["call_arguments_bytes", 1000], "TimeoutError"]
caught = []
for call in (lambda: lab.text_of(bytes=5000), lambda: lab.echo(value="x" * 5000)):
    try:
        call()
    except ToolLimitReached as error:
        assert error.used > error.allowed
        caught.append([error.limit, error.allowed])
try:
    lab.fail(how="timeout")
except TimeoutError as error:
    caught.append("TimeoutError")
result = caught
