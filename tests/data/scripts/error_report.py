# tools: github.search_code
"""Tries several queries and reports what went wrong with which."""
import sys
import traceback

KINDS = {type(None): "nothing", list: "a list", dict: "an object"}
counts: dict[type[BaseException], int] = {}
errors, found = [], {}
for query in ["TODO repo:acme/widgets", "FIXME repo:acme/gadgets"]:
    try:
        hits = github.search_code(q=query, per_page=10)
    except (ToolError, TimeoutError) as e:
        counts[type(e)] = counts.get(type(e), 0) + 1
        trace = "".join(traceback.format_exception(type(e), e, e.__traceback__, limit=3))
        print(trace, file=sys.stderr)
        errors.append({"query": query, "type": type(e).__name__, "line": e.__traceback__.tb_lineno})
    except Exception:
        kind, value, _ = sys.exc_info()
        errors.append({"query": query, "type": kind.__name__, "message": str(value)})
    else:
        found[query] = next((text for known, text in KINDS.items() if isinstance(hits, known)), "something else")
result = {"found": found, "errors": errors, "counts": {kind.__name__: n for kind, n in counts.items()}}
