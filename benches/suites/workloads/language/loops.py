# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = 333_328_333_350_000
# ///
# A plain loop over integers.
total = 0
for i in range(100_000):
    total += i * i
result = total
