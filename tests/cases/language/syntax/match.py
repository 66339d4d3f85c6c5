#: outcome: returned
#: result: ["point 1 2", "origin", "list of 3 from 1", "name Ada", "small", "other", "yes"]
from dataclasses import dataclass

@dataclass
class Point:
    x: int
    y: int

def tell(value):
    match value:
        case Point(0, 0):
            return "origin"
        case Point(x=x, y=y):
            return f"point {x} {y}"
        case [first, *rest]:
            return f"list of {len(rest) + 1} from {first}"
        case {"name": str(name), **others} if not others:
            return f"name {name}"
        case int(n) if n < 10:
            return "small"
        case "y" | "yes":
            return "yes"
        case _:
            return "other"

result = [tell(v) for v in (Point(1, 2), Point(0, 0), [1, 2, 3], {"name": "Ada"}, 3, 4.5, "y")]
