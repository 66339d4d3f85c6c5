#: outcome: returned
#: result: [["First", "Second"], 5, "age must not be negative", "Point", ["x", "y"], "loaded missing", [1, 2, 3], 6, "v[2:3]"]
class Registry(type):
    classes = []
    def __new__(mcs, name, bases, namespace, **options):
        made = super().__new__(mcs, name, bases, namespace)
        if bases:
            mcs.classes.append(name)
        return made

class Base(metaclass=Registry): ...
class First(Base): ...
class Second(Base): ...

class Positive:
    def __set_name__(self, owner, name): self.name = name
    def __get__(self, instance, owner): return instance.__dict__[self.name]
    def __set__(self, instance, value):
        if value < 0:
            raise ValueError(f"{self.name} must not be negative")
        instance.__dict__[self.name] = value

class Person:
    age = Positive()

person = Person()
person.age = 5
try:
    person.age = -1
except ValueError as error:
    refused = str(error)

class Sub:
    seen = []
    def __init_subclass__(cls, **kwargs): Sub.seen.append(cls.__name__)
class Point(Sub):
    __slots__ = ("x", "y")

class Dynamic:
    def __getattr__(self, name): return f"loaded {name}"
    def __iter__(self): return iter([1, 2, 3])
    def __len__(self): return 6
    def __getitem__(self, item): return f"v[{item.start}:{item.stop}]"

d = Dynamic()
result = [Registry.classes, person.age, refused, Sub.seen[0], list(Point.__slots__), d.missing, list(d), len(d), d[2:3]]
