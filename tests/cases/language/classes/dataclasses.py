#: outcome: returned
#: result: [{"name": "Ada", "tags": ["x"], "total": 0}, true, "Order(id=1, lines=[2])", [1, 2], {"name": "Bob", "tags": [], "total": 5}]
from dataclasses import asdict, dataclass, field, replace, FrozenInstanceError

@dataclass
class Customer:
    name: str
    tags: list[str] = field(default_factory=list)
    total: int = 0

@dataclass(frozen=True, order=True, slots=True)
class Version:
    major: int
    minor: int

@dataclass
class Order:
    id: int
    lines: list[int]

ada = Customer("Ada", ["x"])
try:
    Version(1, 2).major = 3
    raise AssertionError("a frozen dataclass was changed")
except FrozenInstanceError:
    pass
lowest = min(Version(2, 0), Version(1, 2))
result = [ada, asdict(ada) == {"name": "Ada", "tags": ["x"], "total": 0}, repr(Order(1, [2])),
          [lowest.major, lowest.minor], replace(Customer("Bob"), total=5)]
