#: outcome: returned
#: result: ["red", 1, {"red": 2}]
from enum import Enum, IntEnum

class Color(Enum):
    RED = "red"

class Level(IntEnum):
    LOW = 1

result = [Color.RED, Level.LOW, {Color.RED: 2}]
