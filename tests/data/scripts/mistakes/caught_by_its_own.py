# finds: nothing
"""Looks for a tool in a context of its own making, which only is called like one that lets errors out."""
from contextlib import contextmanager


@contextmanager
def timeout(seconds: float):
    try:
        yield
    except Exception as e:
        print(f"gave up within {seconds} s: {e}")


with timeout(10):
    result = github.list_branches(owner="acme", repo="widgets")
