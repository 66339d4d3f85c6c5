"""A further script in the interpreter that has run one: its globals are those that the one before it left."""

import builtins
import linecache
import sys
import types

from exuvia import calls, refused, started
from exuvia.frames import SCRIPT
from exuvia.servers import Server, Servers, by_python_name

_RESULT = "result"
_builtins = vars(builtins)


def renew():
    """The first act of a further run. What the one before it left under way is no call of this one."""
    calls.outstanding.clear()
    calls.loose.clear()
    started.failed.clear()
    refused.forget()
    linecache.cache.pop(SCRIPT, None)


def prepare(script):
    """Gives the script the servers of the moment, under names that no earlier one has bound to something else."""
    names, modules, mcp = script.names, sys.modules, script.mcp
    names.update(__builtins__=builtins, __file__=SCRIPT)
    modules["__main__"] = script.module
    modules["mcp"] = mcp
    _bind(names, "mcp", mcp, Servers)
    for name, server in by_python_name(mcp):
        modules[f"mcp.{name}"] = server
        _bind(names, name, server, Server)
        _bind(modules, name, server, Server)
    script.keep_values()
    # The `result` of an earlier script is not the result of this one, which finds it as it finds any other name.
    _builtins.pop(_RESULT, None)
    if _RESULT in names:
        _builtins[_RESULT] = names.pop(_RESULT)


def ended(script):
    """The `result` of an earlier script stays, unless this one has its own."""
    if script.is_further and _RESULT in _builtins:
        script.names.setdefault(_RESULT, _builtins.pop(_RESULT))


def _bind(names, name, value, kind):
    if name not in names or type(names[name]) is kind:
        names[name] = value


def contains(code, other):
    """Whether `other` is this code, or code of a function in it."""
    waiting = [code]
    while waiting:
        one = waiting.pop()
        if one is other:
            return True
        waiting.extend(constant for constant in one.co_consts if type(constant) is types.CodeType)
    return False
