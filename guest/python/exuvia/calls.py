"""Calls to the host, and what comes of them."""

import json

from wit_world.imports import tools
from wit_world.imports.tools import (
    CallError_Denied,
    CallError_InvalidArguments,
    CallError_LimitReached,
    CallError_TimedOut,
    CallError_ToolFailed,
    CallError_UnknownTool,
)

from exuvia import beside, output
from exuvia.bindings import CALL, START, TAKE, call_import
from exuvia.errors import ToolDenied, ToolError, ToolLimitReached, ToolTimeout, ToolUnavailable
from exuvia.frames import script_line
from exuvia.output import stderr, stdout

# Started calls whose answer has not been taken, by their id: what `wait` reports is found here without a search.
outstanding = {}

# Started calls that nothing has been handed to wait for yet, by their id, all of one group: the elements of a list that is
# to be gathered further down. What comes after them in the text, and is not of their group, waits for their answers.
loose = {}

_scan = json.JSONDecoder().scan_once


def call(tool, arguments):
    """Calls a tool and blocks until it has answered."""
    if loose:
        settle()
    if stdout._pending or stderr._pending:
        output.flush()
    answer = call_import(CALL, [tool._server_name, tool._name, arguments, script_line()])
    if type(answer) is not str:
        raise _exception(tool, answer.value) from None
    return _decode(tool, answer)


def start(tool, arguments, group=None):
    """Starts a call for a group: the call, and the line of the script that makes it. The answer comes from `take`."""
    if loose and next(iter(loose.values()))._group != group:
        settle()
    if stdout._pending or stderr._pending:
        output.flush()
    line = script_line()
    return call_import(START, [tool._server_name, tool._name, arguments, line]), line


def settle():
    """Waits until the loose calls have their answers."""
    waiting = list(loose.values())
    loose.clear()
    for call in waiting:
        outstanding.pop(call._id, None)
        call.arrived()


def take(tool, pending):
    """The answer of a started call; blocks until there is one."""
    if stdout._pending or stderr._pending:
        output.flush()
    answer = call_import(TAKE, [pending])
    # What is taken is not cancelled by dropping it.
    pending.finalizer = None
    if type(answer) is not str:
        raise _exception(tool, answer.value) from None
    return _decode(tool, answer)


def pump(timeout_s):
    """Waits for answers, at most `timeout_s` seconds or without end if it is None, and hands each to its call."""
    if stdout._pending or stderr._pending:
        output.flush()
    timeout_ns = None if timeout_s is None else max(0, -int(-timeout_s * 1e9 // 1))
    for call_id in tools.wait(timeout_ns):
        waiting = outstanding.pop(call_id, None)
        if waiting is not None:
            waiting.arrived()


def _decode(tool, text):
    try:
        value, _end = _scan(text, 0)
        # Few answers begin with an escape: looking costs each of the others next to nothing.
        return beside.taken(value) if text[:4] == '{"\\u' else value
    except StopIteration:
        pass
    try:
        return json.loads(text)
    except ValueError as error:
        raise ToolUnavailable(f"{tool} answered with something that is not JSON: {error}", *_names(tool)) from None


def _names(tool):
    return tool._server_name, tool._name


def _exception(tool, error):
    kind = type(error)
    if kind is CallError_ToolFailed:
        data = error.value.data
        return ToolError(error.value.message, *_names(tool), None if data is None else _decode(tool, data))
    if kind is CallError_Denied:
        return ToolDenied(error.value, *_names(tool))
    if kind is CallError_TimedOut:
        return ToolTimeout(f"{tool} gave no answer within {error.value} ms", *_names(tool))
    if kind is CallError_InvalidArguments:
        # Some hosts show the signature themselves.
        shown = tool._signature in error.value
        return TypeError(error.value if shown else f"{error.value}; signature: {tool._full_signature()}")
    if kind is CallError_UnknownTool:
        return AttributeError(error.value)
    if kind is CallError_LimitReached:
        limit = error.value
        message = f"{tool}: {limit.limit} is {limit.allowed}, this call would use {limit.used}"
        return ToolLimitReached(message, *_names(tool), limit.limit, limit.allowed, limit.used)
    return ToolUnavailable(error.value, *_names(tool))


def finish():
    """Waits for the calls that executors still have under way, as the end of a program joins its threads."""
    while outstanding:
        _call_id, waiting = outstanding.popitem()
        waiting.arrived()
