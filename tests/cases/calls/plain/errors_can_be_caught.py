#: outcome: returned
#: result: [["lab", "fail", "no such row", {"row": 7}], "denied", "timeout", "unavailable", "ToolError", "TypeError", "AttributeError"]
caught = []
try:
    lab.fail(how="data")
except ToolError as error:
    caught.append([error.server, error.tool, error.message, error.data])
try:
    lab.fail(how="denied")
except PermissionError as error:
    caught.append("denied" if isinstance(error, ToolDenied) else "?")
try:
    lab.fail(how="timeout")
except TimeoutError:
    caught.append("timeout")
try:
    lab.fail(how="unavailable")
except ToolUnavailable as error:
    caught.append("unavailable" if isinstance(error, ToolError) else "?")
for call in (lambda: lab.fail(how="x"), lambda: crm.get_last_order(id="one"), lambda: crm.nothing()):
    try:
        call()
    except Exception as error:
        caught.append(type(error).__name__)
result = caught
