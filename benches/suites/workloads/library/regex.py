# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = [600, 600]
# ///
# Regular expressions over a log.
import re

text = "\n".join(f"2026-11-{n % 28 + 1:02} user{n}@example.org paid EUR {n * 3}.{n % 100:02}" for n in range(600))
line = re.compile(r"^(\d{4})-(\d\d)-(\d\d) (\w+)@([\w.]+) paid ([A-Z]{3}) (\d+)\.(\d\d)$", re.MULTILINE)
hidden = re.sub(r"\b[\w.]+@[\w.]+\b", "<mail>", text)
result = [len(line.findall(text)), hidden.count("<mail>")]
