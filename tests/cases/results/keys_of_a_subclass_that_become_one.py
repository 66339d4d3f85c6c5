#: outcome: raised
from collections import OrderedDict

result = OrderedDict([(True, 1), ("true", 2)])
