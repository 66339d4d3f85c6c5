#: outcome: returned
#: result: [1267650600228229401496703205376, 9007199254740993, -1, 0.1, 1e+300, 4, 3]
import math

result = [2 ** 100, 2 ** 53 + 1, ~0, 0.1, 1e300, (10).bit_length(), math.isqrt(10)]
