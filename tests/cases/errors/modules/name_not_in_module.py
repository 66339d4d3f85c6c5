#: outcome: raised
#: kind: ImportError
from math import squareroot
