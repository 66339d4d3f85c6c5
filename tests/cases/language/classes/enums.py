#: outcome: returned
#: result: ["red", 2, ["RED", "GREEN"], "READ|WRITE", true, 1]
from enum import Enum, Flag, IntEnum, StrEnum, auto, unique

@unique
class Color(StrEnum):
    RED = auto()
    GREEN = auto()

class Level(IntEnum):
    LOW = 1
    HIGH = 2

class Access(Flag):
    READ = auto()
    WRITE = auto()

result = [Color.RED, Level.HIGH, [c.name for c in Color], (Access.READ | Access.WRITE).name,
          Access.READ in Access.READ | Access.WRITE, Level(1)]
