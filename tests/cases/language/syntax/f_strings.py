#: outcome: returned
#: result: ["Ada", "Ada: 3", "x=1.50", "   right|left   |", "1,234,567", "ff 0xff 1010", "{literal}", "a\nb", "nested '1'", "50.0%", "2026-11-22", "two\nlines"]
d = {"name": "Ada", "n": [1, 2, 3]}
x = 1
from datetime import date
result = [
    f"{d["name"]}",
    f"{d["name"]}: {len(d["n"])}",
    f"x={1.5:.{x + 1}f}",
    f"{'right':>8}|{'left':<7}|",
    f"{1234567:,}",
    f"{255:x} {255:#x} {10:b}",
    f"{{literal}}",
    f"{"\n".join(["a", "b"])}",
    f"nested {f"{f"'{x}'"}"}",
    f"{0.5:.1%}",
    f"{date(2026, 11, 22):%Y-%m-%d}",
    f"{
        "two\nlines"}",
]
