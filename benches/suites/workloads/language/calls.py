# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = 6_765
# ///
# Function calls and recursion.
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


result = fib(20)
