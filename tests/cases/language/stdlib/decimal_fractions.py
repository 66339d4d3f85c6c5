#: outcome: returned
#: result: [0.30, "0.1428571428571428571428571429", "1/2", 10.13, 3, "5/6"]
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
import math

with localcontext() as context:
    context.prec = 28
    seventh = Decimal(1) / Decimal(7)
result = [
    Decimal("0.10") + Decimal("0.20"),
    str(seventh),
    str(Fraction(3, 6)),
    Decimal("10.125").quantize(Decimal("0.01"), ROUND_HALF_UP),
    math.comb(3, 2),
    str(Fraction(1, 2) + Fraction(1, 3)),
]
