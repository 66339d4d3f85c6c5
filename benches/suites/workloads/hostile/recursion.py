# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# raises = "RecursionError"
# ///
# Recursion without end is an ordinary exception.
def deeper(n):
    return deeper(n + 1)


result = deeper(0)
