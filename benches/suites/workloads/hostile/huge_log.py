# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = 2999
# ///
# A log beyond its bound is cut, and the script goes on.
for n in range(3_000):
    print("x" * 1_000)
result = n
