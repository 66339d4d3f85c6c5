#: outcome: returned
#: result: ["enter", "body", "exit ValueError", "a", "b", "b closed", "a closed", "caught"]
from contextlib import ExitStack, contextmanager, suppress

log = []

class Guard:
    def __enter__(self):
        log.append("enter")
        return self
    def __exit__(self, kind, error, trace):
        log.append(f"exit {kind.__name__}")
        return True

with Guard():
    log.append("body")
    raise ValueError

@contextmanager
def opened(name):
    log.append(name)
    try:
        yield name
    finally:
        log.append(f"{name} closed")

with ExitStack() as stack:
    for name in "ab":
        stack.enter_context(opened(name))
with suppress(KeyError):
    {}["x"]
log.append("caught")
result = log
