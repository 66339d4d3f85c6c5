"""`random`, seeded when a script first uses it: seeding takes as long as a tenth of a trivial script."""

import os
import random
import sys

_SEED_BYTES = 32

# What of `random` draws from the one generator that its functions share, by name; and what looks for these as globals.
_shared = {}
_USERS = ("main", "_test", "_test_generator")

_is_running = False


def install():
    """Takes what shares the generator out of the module. `__getattr__` (PEP 562) puts it back."""
    names = vars(random)
    generator = random._inst
    for name, value in list(names.items()):
        if value is generator or getattr(value, "__self__", None) is generator or name in _USERS:
            _shared[name] = names.pop(name)
    for module in list(sys.modules.values()):
        for name, value in vars(module).items():
            if value is generator or getattr(value, "__self__", None) is generator:
                raise ImportError(f"{module.__name__}.{name} would be the same in every run")
    names["__getattr__"], names["__dir__"] = _found, _listed


def begin():
    """A run begins."""
    global _is_running
    _is_running = True


def _found(name):
    if name not in _shared:
        raise AttributeError(f"module 'random' has no attribute {name!r}")
    if not _is_running:
        # componentize-py takes `random.seed` from here when the guest is built, and calls it before each run.
        return _nothing
    _seed()
    return vars(random)[name]


def _nothing():
    """Seeds nothing."""


def _listed():
    return sorted({*vars(random), *_shared})


def _seed():
    # What `random.seed()` would draw is 2,500 bytes, for a generator that is not for secrets.
    _shared["_inst"].seed(int.from_bytes(os.urandom(_SEED_BYTES)))
    names = vars(random)
    names.pop("__getattr__", None)
    names.pop("__dir__", None)
    for name, value in _shared.items():
        # A script may have put something of its own there.
        names.setdefault(name, value)
