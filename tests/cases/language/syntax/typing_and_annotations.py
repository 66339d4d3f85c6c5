#: outcome: returned
#: result: [[1, 2], "int | None", 3, "Ada", true]
from __future__ import annotations

from typing import Any, Callable, Generic, Literal, NamedTuple, Optional, TypedDict, TypeVar, overload

T = TypeVar("T")
type Pair[A] = tuple[A, A]

class Row(TypedDict, total=False):
    name: str

class Point(NamedTuple):
    x: int
    y: int = 2

class Stack[T]:
    def __init__(self) -> None:
        self.items: list[T] = []
    def push(self, item: T) -> Stack[T]:
        self.items.append(item)
        return self

def f(x: int | None, mode: Literal["a"] = "a") -> NotDefinedAnywhere: ...

def add[N: (int, float)](a: N, b: N) -> N:
    return a + b

row: Row = {"name": "Ada"}
result = [list(Point(1)), f.__annotations__["x"], add(1, 2), row["name"], Stack[int]().push(1).items == [1]]
