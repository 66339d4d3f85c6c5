#: outcome: returned
#: result: [{"x": 1, "y": {"x": 2, "y": null}}, {"a": 1, "b": 2}]
from collections import namedtuple
from dataclasses import dataclass

@dataclass
class Point:
    x: int
    y: "Point | None" = None

result = [Point(1, Point(2)), namedtuple("Pair", "a b")(1, 2)]
