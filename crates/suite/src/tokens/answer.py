# Behind the source of a server: its list of tools, or the answer of one.
def _exuvia(request):
    names = globals()
    if request["tool"] is None:
        return {"tools": names["tools"]() if "tools" in names else None}
    function = names.get("".join(c if c.isalnum() else "_" for c in request["tool"]))
    if function is None and "default" in names:
        function = lambda **arguments: names["default"](request["tool"], arguments)
    if function is None:
        return {"error": f"{request['tool']}: the suite has no answer of this tool"}
    try:
        value = function(**request["arguments"])
    except Exception as error:
        return {"error": f"{error}" if type(error) is ValueError else f"{type(error).__name__}: {error}"}
    # A text, and the structure beside it.
    if isinstance(value, tuple):
        return {"text": value[0], "value": value[1]}
    if not isinstance(value, str):
        import json

        text = json.dumps(value, indent=names.get("INDENT"), ensure_ascii=False)
        return {"text": text, "value": value}
    return {"text": value, "value": value}


result = _exuvia(data)
