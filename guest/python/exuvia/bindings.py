"""The imports of calls, without what componentize-py's bindings do around them.

Its runtime wraps each value that a call gives in an `Ok`, a dataclass, and hangs a `weakref.finalize` on each started call. It takes
all of these by name when the guest is built, after this package: until then they have cheaper ones here.
"""

import dis
import weakref
from functools import partial

import componentize_py_types
from componentize_py_runtime import call_import
from wit_world.imports import tools


def _index(function):
    """Which import a generated function calls: the one number in it."""
    [index] = [one.argval for one in dis.get_instructions(function) if one.opname == "LOAD_SMALL_INT"]
    return index


CALL = _index(tools.call)
START = _index(tools.start)
TAKE = _index(tools.PendingCall.take)
ID = _index(tools.PendingCall.id)


class PendingCall:
    """A call that was started, as the bindings have it."""

    __slots__ = ("__weakref__", "finalizer", "handle")

    id = tools.PendingCall.id

    def take(self):
        return _text(call_import(TAKE, [self]))


def _call(server, tool, arguments, line):
    return _text(call_import(CALL, [server, tool, arguments, line]))


def _text(answer):
    if type(answer) is not str:
        raise answer
    return answer


_finalize = weakref.finalize


def _finalizer(pending, drop, function, handle):
    """What tells the host that a started call was dropped."""
    return weakref.ref(pending, partial(_dropped, drop, function, handle))


def _dropped(drop, function, handle, _reference):
    drop(function, handle)


def install():
    """Puts these where componentize-py's runtime finds them."""
    # Of a `str`, `str` is itself: what a call gives is its text, or an `Err`.
    componentize_py_types.Ok = str
    weakref.finalize = _finalizer
    tools.call, tools.PendingCall = _call, PendingCall


def begin():
    """A run begins: the runtime has what it wants."""
    weakref.finalize = _finalize
