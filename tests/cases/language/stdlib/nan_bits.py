#: outcome: returned
#: result: [["7ff8000000000000", 1.0], ["7ff8000000000000", 1.0], ["7ff8000000000000", 1.0]]
import math, struct

inf = float("inf")
result = [[struct.pack(">d", nan).hex(), math.copysign(1.0, nan)] for nan in (inf - inf, inf * 0.0, inf / inf)]
