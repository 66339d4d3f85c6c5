#: outcome: raised
#: kind: AssertionError
total = 3
assert total == 4, f"expected 4, got {total}"
