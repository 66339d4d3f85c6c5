#: outcome: returned
#: result: [[4, 6], true, "Vector(1, 2)", true, 5.0, [3, 6], "call 7", false]
from functools import total_ordering
from typing import Protocol, runtime_checkable

@total_ordering
class Vector:
    def __init__(self, x, y): self.x, self.y = x, y
    def __add__(self, other): return Vector(self.x + other.x, self.y + other.y)
    def __rmul__(self, n): return Vector(self.x * n, self.y * n)
    def __eq__(self, other): return (self.x, self.y) == (other.x, other.y)
    def __lt__(self, other): return abs(self) < abs(other)
    def __abs__(self): return (self.x ** 2 + self.y ** 2) ** 0.5
    def __repr__(self): return f"Vector({self.x}, {self.y})"
    def __bool__(self): return bool(self.x or self.y)
    def __call__(self, n): return f"call {n}"

@runtime_checkable
class Sized(Protocol):
    def __abs__(self): ...

s = Vector(1, 2) + Vector(3, 4)
t = 3 * Vector(1, 2)
result = [[s.x, s.y], Vector(1, 2) == Vector(1, 2), repr(Vector(1, 2)), isinstance(s, Sized),
          abs(Vector(3, 4)), [t.x, t.y], s(7), bool(Vector(0, 0))]
