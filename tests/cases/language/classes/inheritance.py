#: outcome: returned
#: result: ["woof from Rex", ["D", "B", "C", "A"], "a c b d", true, 12.0]
from abc import ABC, abstractmethod

class Animal(ABC):
    def __init__(self, name):
        self.name = name
    @abstractmethod
    def sound(self): ...
    def speak(self):
        return f"{self.sound()} from {self.name}"

class Dog(Animal):
    def sound(self):
        return "woof"

try:
    Animal("x")
    raise AssertionError("an abstract class was made")
except TypeError:
    pass

class A:
    def go(self): return "a"
class B(A):
    def go(self): return super().go() + " b"
class C(A):
    def go(self): return super().go() + " c"
class D(B, C):
    def go(self): return super().go() + " d"

class Box:
    def __init__(self, w, h): self.w, self.h = w, h
    @property
    def area(self): return self.w * self.h
    @area.setter
    def area(self, value): self.h = value / self.w
    @classmethod
    def square(cls, side): return cls(side, side)
    @staticmethod
    def unit(): return "m2"

box = Box.square(2)
box.area = 12
result = [Dog("Rex").speak(), [c.__name__ for c in D.mro()[:-1]], D().go(), issubclass(D, A), box.area]
