# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = ["306275.36", 684_085]
# ///
# Money: decimals and fractions.
from decimal import Decimal, ROUND_HALF_EVEN
from fractions import Fraction

cent = Decimal("0.01")
total = sum(((Decimal(n) * Decimal("1.0725") / 7).quantize(cent, ROUND_HALF_EVEN) for n in range(2_000)), Decimal())
parts = sum((Fraction(1, n) for n in range(1, 60)), Fraction())
result = [str(total), parts.denominator % 1_000_003]
