# /// script
# [tool.exuvia]
# fuel = 100_000_000
# stopped = "fuel"
# ///
# Backtracking without end.
import re

result = re.match(r"(a+)+$", "a" * 40 + "b")
