#: outcome: returned
#: result: [[1, 2], {"x": [1]}, [1, 2], 8, true]
import copy, pickle, struct
from dataclasses import dataclass

@dataclass
class Point:
    x: int
    y: int

point = pickle.loads(pickle.dumps(Point(1, 2)))
nested = {"x": [1]}
deep = copy.deepcopy(nested)
nested["x"].append(2)
result = [
    [point.x, point.y],
    deep,
    list(struct.unpack("<ii", struct.pack("<ii", 1, 2))),
    struct.calcsize("<d"),
    pickle.loads(pickle.dumps(Point)) is Point,
]
