#: outcome: returned
#: result: {"rows": [{"name": "Ada", "n": "1"}, {"name": "B, C", "n": "2"}], "csv": "a,\"b,c\"\r\n", "json": "{\"a\": [1, null, true]}", "wrapped": ["aaa bbb", "ccc"], "diff": ["-b", "+c"], "close": "apple"}
import csv, difflib, io, json, textwrap

rows = list(csv.DictReader(io.StringIO('name,n\nAda,1\n"B, C",2\n')))
out = io.StringIO()
csv.writer(out).writerow(["a", "b,c"])
diff = difflib.unified_diff(["a", "b"], ["a", "c"], lineterm="")
result = {
    "rows": rows,
    "csv": out.getvalue(),
    "json": json.dumps(json.loads('{"a":[1,null,true]}')),
    "wrapped": textwrap.wrap("aaa bbb ccc", 8),
    "diff": [line for line in diff if line[0] in "+-" and line[:3] not in ("+++", "---")],
    "close": difflib.get_close_matches("appel", ["ape", "apple", "peach"])[0],
}
