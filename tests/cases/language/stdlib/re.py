#: outcome: returned
#: result: [["2026", "11"], "2026/11/22", ["a", "1", "b", "2"], "X-Y", null]
import re

date = re.compile(r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)")
match = date.search("on 2026-11-22 we met")
result = [
    [match["year"], match.group("month")],
    date.sub(lambda m: "/".join(m.groups()), "2026-11-22"),
    re.findall(r"[a-z]|\d", "a1b2"),
    re.sub(r"\b(\w)", lambda m: m[1].upper(), "x-y"),
    re.fullmatch("a+", "aab"),
]
