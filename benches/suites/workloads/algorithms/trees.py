# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = 8_174
# ///
# Many small objects that come and go.
def tree(depth):
    return (tree(depth - 1), tree(depth - 1)) if depth else (None, None)


def count(node):
    left, right = node
    return 1 if left is None else 1 + count(left) + count(right)


result = sum(count(tree(depth)) for depth in range(2, 12))
