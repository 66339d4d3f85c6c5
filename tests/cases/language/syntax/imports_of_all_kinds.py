#: outcome: returned
#: result: [4.0, 3.14, "b", 2, "loads"]
from math import *
from os.path import basename as base
import collections.abc as c
import importlib

json = importlib.import_module("json")
assert c.Mapping
result = [sqrt(16), round(pi, 2), base("a/b"), len([e, tau]), json.loads.__name__]
