"""One line that lets the author repair a script in one go. No hint is better than a wrong one."""

import ast
import builtins
import difflib
import errno
import json
import os
import re
import sys
import types

from exuvia import barred, beside, elsewhere, peek, readers
from exuvia.errors import ToolError
from exuvia.servers import Server, Tool, shown

_MAX_CHARACTERS = 400

# What `os` has elsewhere and lacks here.
_PROCESS_FUNCTIONS = frozenset({"fork", "kill", "popen", "spawnl", "spawnv", "startfile", "system", "wait", "waitpid"})


_FULL = "the workspace may be full: remove files (os.remove, shutil.rmtree) or write less"


class Fault:
    """Where an exception left the script: the innermost frame of its own and the expression at fault."""

    def __init__(self, script, frame, position):
        self.script = script
        self.frame = frame
        self.names = {**script.names, **frame.f_locals} if frame is not None else script.names
        self.node, self.around = None, []
        if position is not None and None not in position:
            self.node, self.around = peek.node_at(script.tree(), position)

    def candidates(self, node):
        return peek.candidates(node, self.names, self.around)


def hint(error, fault):
    """The hint for an exception, or None."""
    for kind, give in _HINTS:
        if isinstance(error, kind):
            text = give(error, fault)
            if text:
                return text if len(text) <= _MAX_CHARACTERS else text[:_MAX_CHARACTERS] + "..."
    return None


def _text(node):
    return ast.unparse(node)


def _close(name, names, count=1):
    return difflib.get_close_matches(name, [n for n in names if isinstance(n, str)], count)


def _subscript(fault):
    node = fault.node
    if isinstance(node, ast.Subscript):
        return node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "pop":
        return node.func.value
    return None


def _key_error(error, fault):
    key = error.args[0] if error.args else None
    value = _subscript(fault)
    if value is None or type(key) not in (str, int):
        return None
    for owner in fault.candidates(value):
        if type(owner) is dict and key not in owner:
            text = f"{_text(value)} is {peek.shape(owner)}"
            close = _close(key, owner) if type(key) is str else []
            return f"{text}; did you mean {close[0]!r}?" if close else text
    return None


def _index_error(error, fault):
    value = _subscript(fault)
    for owner in fault.candidates(value) if value is not None else ():
        if type(owner) in (list, tuple, str):
            return f"{_text(value)} has {len(owner)} items" if len(owner) != 1 else f"{_text(value)} has 1 item, [0]"
    return None


def _name_error(error, fault):
    if isinstance(error, UnboundLocalError):
        return _unbound_local(error, fault)
    name = error.name
    if not isinstance(name, str):
        return None
    owners = [server for server in fault.script.names.values() if type(server) is Server and name in dir(server)]
    if owners:
        return f"write {' or '.join(f'{server}.{name}' for server in owners[:3])}"
    if name in sys.stdlib_module_names and name in sys.modules:
        return f"add `import {name}`"
    for module, names in _WELL_KNOWN.items():
        if name in names:
            return f"add `from {module} import {name}`"
    call = next((node for node in fault.around if isinstance(node, ast.Call) and node.func is fault.node), None)
    if instead := elsewhere.instead_of_name(name, fault.script.names, call):
        return instead
    close = _close(name, [n for n in fault.names if not n.startswith("__")])
    if not close and call is not None:
        close = difflib.get_close_matches(name, [n for n in dir(builtins) if callable(getattr(builtins, n))], 1, 0.8)
    if close:
        return f"did you mean {close[0]}?"
    if name not in {node.id for node in ast.walk(fault.script.tree()) if _is_bound(node)}:
        if fault.script.is_further:
            return f"{name} is set neither in this script nor in an earlier one of the session"
        return f"{name} is not set in this script, and nothing is kept from earlier ones"
    return None


def _is_bound(node):
    return isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)


def _unbound_local(error, fault):
    name = re.search(r"'(\w+)'", str(error))
    if name is None or name[1] not in fault.script.names or fault.frame is None:
        return None
    return f"{fault.frame.f_code.co_name} assigns {name[1]}, so it is local there: add `global {name[1]}` in it"


_WELL_KNOWN = {
    "datetime": ("timedelta", "timezone"),
    "collections": ("defaultdict", "Counter", "deque", "namedtuple", "OrderedDict"),
    "dataclasses": ("dataclass", "asdict", "field"),
    "decimal": ("Decimal",),
    "pathlib": ("Path",),
    "typing": ("Any", "Optional", "List", "Dict", "TypedDict"),
    "functools": ("reduce", "partial", "lru_cache"),
    "concurrent.futures": ("ThreadPoolExecutor", "as_completed"),
    "itertools": ("chain", "groupby", "islice"),
    "statistics": ("mean", "median"),
}


def _attribute_error(error, fault):
    owner, name = beside.plain(error.obj), error.name
    if not isinstance(name, str) or type(owner) in (Server, Tool):
        return None
    # `mcp` and servers, which raise it themselves, give no owner.
    if owner is None and (instead := elsewhere.instead_of_meta_tool(name)):
        return instead
    if owner is None and "'NoneType'" not in str(error):
        return None
    node = fault.node
    text = _text(node.value) if isinstance(node, ast.Attribute) else "it"
    kind = type(owner)
    if kind is dict:
        if name in owner:
            return f"{text} is a dict: write {text}[{name!r}]"
        close = _close(name, owner)
        key = f": did you mean {text}[{close[0]!r}]?" if close else ""
        return f"{text} is {peek.shape(owner)}{key}"
    if kind in (types.CoroutineType, types.AsyncGeneratorType):
        return _await(owner, text)
    if owner is None:
        return f"{text} is None"
    if kind in (list, tuple):
        return f"{text} is {peek.shape(owner)}: loop over it, or write {text}[0]"
    if kind in (str, int, float, bool):
        close = _close(name, dir(kind))
        if kind is str and readers.reader(owner, text):
            return _of_string(owner, text)
        return f"{text} is {peek.shape(owner)}" + (f"; did you mean .{close[0]}?" if close else "")
    if owner is os and name in _PROCESS_FUNCTIONS:
        return "the sandbox has no processes"
    names = dir(owner) if kind is types.ModuleType else dir(kind)
    close = _close(name, names, 3)
    return f"did you mean {' or '.join(f'.{match}' for match in close)}?" if close else None


def _await(owner, text):
    if type(owner) is types.AsyncGeneratorType:
        return f"{text} is an async generator: use `async for`"
    return f"{text} is the coroutine {owner.__qualname__}(): write `await {owner.__qualname__}(...)`"


def _type_error(error, fault):
    message = str(error)
    for pattern, give in _TYPE_HINTS:
        if re.search(pattern, message):
            return give(error, fault)
    return None


def _operand(error, fault):
    """The part of the expression at fault that the message is about."""
    node, message = fault.node, str(error)
    if "not subscriptable" in message and isinstance(node, ast.Subscript):
        return node.value
    if "not callable" in message and isinstance(node, ast.Call):
        return node.func
    if isinstance(node, (ast.Await, ast.Starred)):
        return node.value
    if isinstance(node, ast.Compare):
        return node.comparators[-1]
    # `for x in VALUE` blames VALUE itself.
    return node


def _of_none(error, fault):
    value = _operand(error, fault)
    return f"{_text(value)} is None" if value is not None else None


def _of_coroutine(error, fault):
    value = _operand(error, fault)
    if value is None:
        return "a coroutine has no value until it is awaited: write `await` before it"
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and hasattr(builtins, value.func.id):
        value = next(iter(value.args), value)
    if isinstance(value, ast.Call):
        return f"write `await {_text(value)}`"
    for owner in fault.candidates(value):
        if type(owner) in (types.CoroutineType, types.AsyncGeneratorType):
            return _await(owner, _text(value))
    return f"write `(await {_text(value)})`"


def _of_call(error, fault):
    """C code looks at the type itself, where a call that was not awaited cannot stand in for its value."""
    return "a call that was started has no value yet: write `await` before it"


def _of_async_generator(error, fault):
    value = _operand(error, fault)
    return f"use `async for x in {_text(value)}`" if value is not None else "use `async for`"


def _of_method(error, fault):
    """`for x in page.items:`, where the author meant the key."""
    value = _operand(error, fault)
    if not isinstance(value, ast.Attribute):
        return None
    for owner in fault.candidates(value.value):
        if type(owner) is dict and value.attr in owner:
            return f"write {_text(value.value)}[{value.attr!r}]"
    return f"call it: {_text(value)}()"


def _of_text(error, fault):
    """`row["name"]` where row is a string."""
    value = _subscript(fault)
    if value is None:
        return None
    if isinstance(value, ast.Name):
        for owner in _looped_dicts(value.id, fault):
            return f"{value.id} is a key of a dict: loop over .values() or .items()"
    for owner in fault.candidates(value):
        if type(owner) is str:
            return _of_string(owner, _text(value))
    return f"{_text(value)} is a text"


def _of_string(text, name):
    reading = readers.reader(text, name)
    return f"{name} is {peek.shape(text)}" + (f"; {reading}" if reading else "")


def _looped_dicts(name, fault):
    loops = [node for node in ast.walk(fault.script.tree()) if isinstance(node, (ast.For, ast.comprehension))]
    for loop in loops:
        if isinstance(loop.target, ast.Name) and loop.target.id == name:
            yield from (owner for owner in fault.candidates(loop.iter) if type(owner) is dict)


def _of_list(error, fault):
    value = _subscript(fault)
    for owner in fault.candidates(value) if value is not None else ():
        if type(owner) in (list, tuple):
            return f"{_text(value)} is {peek.shape(owner)}: loop over it, or write {_text(value)}[0]"
    return None


def _of_value_in_await(error, fault):
    if isinstance(fault.node, ast.Await):
        return f"{_text(fault.node.value)} is a value already: leave `await` out"
    return "it is a value already: leave `await` out"


def _of_gather(error, fault):
    return "give calls and coroutines one by one: write `*` before a list of them"


def _of_json_loads(error, fault):
    return "tools return values, not JSON text: use the value as it is"


def _of_unhashable(error, fault):
    return "dicts and lists cannot be keys or members of a set: use one of their fields"


_TYPE_HINTS = [
    (r"'coroutine'", _of_coroutine),
    (r"\bCall\b", _of_call),
    (r"'async_generator' object is not iterable", _of_async_generator),
    (r"'NoneType' object is not (subscriptable|iterable|callable)|argument of type 'NoneType'", _of_none),
    (r"'(builtin_function_or_method|method)' object is not (subscriptable|iterable)", _of_method),
    (r"string indices must be integers", _of_text),
    (r"(list|tuple) indices must be integers", _of_list),
    (r"can't be (used in 'await' expression|awaited)", _of_value_in_await),
    (r"An asyncio.Future, a coroutine or an awaitable is required|a coroutine was expected", _of_gather),
    (r"the JSON object must be str", _of_json_loads),
    (r"unhashable type|cannot use '(dict|list)' as", _of_unhashable),
]


def _import_error(error, fault):
    """`from crm import get_customers`, `import pandas`."""
    if instead := elsewhere.instead_of_package(error.name):
        return instead
    server, name = fault.script.names.get(error.name), error.name_from
    if type(server) is not Server or not isinstance(name, str):
        return None
    return f"{server} has {shown(dir(server))}"


def _tool_error(error, fault):
    """What a failed tool said beyond its message is for the script: its shape is told, not its content."""
    return None if error.data is None else f"its .data is {peek.shape(error.data)}"


def _os_error(error, fault):
    if isinstance(error, (PermissionError, TimeoutError)) or "sandbox" in str(error):
        return None
    if barred.has_files():
        # The C library says EIO where a stream of a file failed, whatever the reason.
        return _FULL if error.errno in (errno.EIO, errno.EDQUOT) else None
    if isinstance(error, FileNotFoundError) or isinstance(error.filename, (str, bytes)):
        return "the sandbox has no files: keep data in variables and return it as `result`"
    return None


def _eof_error(error, fault):
    return "a script has no input: write the value into it"


def _runtime_error(error, fault):
    if "cannot reuse already awaited coroutine" in str(error):
        return "call the async function again for a new coroutine, or keep the value of the first await"
    return None


def _json_error(error, fault):
    """`json.loads(text)` of what Python writes, not JSON."""
    node = fault.node
    if isinstance(node, ast.Call) and node.args and isinstance(text := error.doc, str):
        name = _text(node.args[0])
        if reader := readers.reader(text, name):
            return f"{name} is no JSON; {reader}"
        return f"{name} is {peek.shape(text)}"
    return None


def _any_error(error, fault):
    return _of_database(str(error)) if type(error).__name__ == "OperationalError" else None


def _of_database(message):
    if "unable to open database file" in message:
        if not barred.has_files():
            return 'the sandbox has no files: use sqlite3.connect(":memory:")'
        return f'a database is a file in {barred.WORKSPACE}, in a directory that is there, or ":memory:"'
    # SQLite's words where the C library says EIO, and where it says that there is no room.
    if ("disk I/O error" in message or "is full" in message) and barred.has_files():
        return _FULL
    return None


_HINTS = [
    (ToolError, _tool_error),
    (ImportError, _import_error),
    (KeyError, _key_error),
    (IndexError, _index_error),
    (NameError, _name_error),
    (AttributeError, _attribute_error),
    (TypeError, _type_error),
    (json.JSONDecodeError, _json_error),
    (OSError, _os_error),
    (EOFError, _eof_error),
    (RuntimeError, _runtime_error),
    (Exception, _any_error),
]


def syntax_hint(error, lines):
    """The hint for a script that does not compile."""
    message = error.msg or ""
    line = lines[error.lineno - 1] if error.lineno and error.lineno <= len(lines) else ""
    if line.lstrip().startswith("```"):
        return "send plain Python, without the ``` fence"
    if "outside async function" in message or "outside of an asynchronous function" in message:
        for above in reversed(lines[: error.lineno]):
            if match := re.match(r"\s*def (\w+)", above):
                name = match[1]
                return f"write `async def {name}` and `await {name}(...)`; or leave `await` out: a plain call blocks"
    if "unexpected character after line continuation" in message and "\\n" in line:
        return "send real line breaks, not the two characters \\\\n"
    if re.search("[\u2018\u2019\u201c\u201d]", line):
        return "use straight quotes"
    return None


def warm():
    """Fills the cache of regular expressions."""
    for pattern, _give in _TYPE_HINTS:
        re.compile(pattern)
