#: outcome: returned
#: result: ["2026-11-22", [1, 2], {"x": 1}, null, 18446744073709551617, 1.1, "é", true, [[1]], "YQ=="]
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

@dataclass
class Point:
    x: int

values = [date(2026, 11, 22), (1, 2), Point(1), None, 2 ** 64 + 1, Decimal("1.10"), "é", True, [[1]], b"a"]
result = [lab.echo(value=value) for value in values]
