# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = [-1, 0, 4]
# ///
# Attributes, properties, inheritance, dataclasses.
from dataclasses import dataclass


@dataclass
class Point:
    x: int
    y: int

    def moved(self, dx, dy):
        return type(self)(self.x + dx, self.y + dy)


class Walker(Point):
    @property
    def distance(self):
        return abs(self.x) + abs(self.y)


walker, far = Walker(0, 0), 0
for n in range(5_000):
    walker = walker.moved(n % 3 - 1, n % 5 - 2)
    far = max(far, walker.distance)
result = [walker.x, walker.y, far]
