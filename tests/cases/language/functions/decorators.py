#: outcome: returned
#: result: ["<<hi Ada>>", "greet", 3, [2, 4], "cached 1"]
import functools

def wrap(mark):
    def decorate(function):
        @functools.wraps(function)
        def inner(*args, **kwargs):
            return f"{mark}{function(*args, **kwargs)}{mark[::-1].replace('<', '>')}"
        return inner
    return decorate

@wrap("<<")
def greet(name):
    return f"hi {name}"

class Count:
    def __init__(self, function):
        self.function, self.calls = function, 0
    def __call__(self, *args):
        self.calls += 1
        return self.function(*args)

@Count
def double(n):
    return n * 2

class Lazy:
    @functools.cached_property
    def value(self):
        self.made = getattr(self, "made", 0) + 1
        return f"cached {self.made}"

doubled = [double(1), double(2)]
double(3)
lazy = Lazy()
lazy.value
result = [greet("Ada"), greet.__name__, double.calls, doubled, lazy.value]
