"""Functions given to `to_thread` and to executors. There are no threads: a tool is started, anything else runs at once.

One more case starts a call: a function that returns a tool's value as it comes, such as
`pool.map(lambda id: crm.get_order(id=id), ids)`. Where the call's value goes straight to `return` and the function has
no `try` or `with`, nothing in it can tell whether the value is there yet, so the calls of a pool run in parallel.
"""

import dis
import functools
import sys
import types
from asyncio.events import _get_running_loop, _set_running_loop
from contextlib import contextmanager

import _asyncio

# The function that runs inline for an executor, by its code, and only if it has no handlers.
code = None

_returning_calls = {}


class Started:
    """A call that was started for an executor: what stands for its value until the executor's future has it."""

    __slots__ = ("line", "pending", "tool")

    def __init__(self, tool, started):
        self.tool = tool
        self.pending, self.line = started


def returned_directly():
    """Whether the tool that asks was called by the executor's own function, which returns the value untouched. There is such a
    function: `code` is not None."""
    frame = sys._getframe(2)
    if frame.f_code is run.__code__:
        return True
    # A deeper frame of the same code returns into the function itself, which may well use the value.
    return (
        frame.f_code is code
        and frame.f_back.f_code is run.__code__
        and frame.f_lasti in _calls_before_return(code)
    )


def _calls_before_return(function):
    offsets = _returning_calls.get(function)
    if offsets is None:
        instructions = list(dis.get_instructions(function))
        offsets = _returning_calls[function] = frozenset(
            call.offset
            for call, following in zip(instructions, instructions[1:])
            if call.opname in ("CALL", "CALL_KW", "CALL_FUNCTION_EX") and following.opname == "RETURN_VALUE"
        )
    return offsets


def run(function, arguments, keywords):
    """Runs a function as a thread of an executor would: no loop is running for it. May return a `Started`."""
    global code
    before = code
    code = _innermost_code(function)
    try:
        with aside():
            return function(*arguments, **keywords)
    finally:
        code = before


def _innermost_code(function):
    while isinstance(function, functools.partial):
        function = function.func
    if getattr(type(function), "starts_inline", False):
        return run.__code__
    own = getattr(function, "__code__", None)
    if type(own) is types.CodeType and not own.co_exceptiontable:
        return own
    return None


@contextmanager
def aside():
    """While this is open no loop is running and no task is current, so that blocking code may run, another loop
    included."""
    loop = _get_running_loop()
    if loop is None:
        yield
        return
    task = _asyncio._swap_current_task(loop, None)
    _set_running_loop(None)
    try:
        yield
    finally:
        _set_running_loop(loop)
        _asyncio._swap_current_task(loop, task)
