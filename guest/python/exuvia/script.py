"""Compiles one script and runs it as `__main__`."""

import ast
import atexit
import builtins
import contextlib
import functools
import inspect
import linecache
import opcode
import re
import sys
import types

from exuvia import asked, calls, further, loop, quick, servers
from exuvia.frames import SCRIPT
from exuvia.json_text import ATOMS
from exuvia.started import Call, value_of

_TOP_LEVEL_AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_LAST = "__exuvia_last__"
_RETURN = "__exuvia_return__"


class _Returned(BaseException):
    """A `return` at the top level. Not an Exception: the script's own handlers must not catch it."""

    def __init__(self, value=None):
        self.value = value


class Script:
    """One script: its source, the servers it sees, and once it runs, its namespace and its value."""

    def __init__(self, source, mcp, before=None):
        self.source = source.removeprefix("\ufeff")
        # A further script of an instance goes on with the globals of the one before it.
        self.module = types.ModuleType("__main__") if before is None else before.module
        self.names = self.module.__dict__
        self.mcp = mcp
        self.last = None
        self.is_further = before is not None
        self.code = None

    @functools.cached_property
    def lines(self):
        """The lines of its source."""
        return self.source.splitlines()

    def run(self):
        """Runs the script to its end and returns its result, a Python value."""
        code = self._compile()
        if self.is_further:
            self.code = code
            further.prepare(self)
        else:
            self._prepare()
        if code.co_flags & inspect.CO_COROUTINE:
            value = loop.run(self._run_async(code))
        else:
            value = self._run_plain(code)
        calls.finish()
        return value

    def _compile(self):
        try:
            return self._compile_now()
        except MemoryError:
            # What the parser raises when its own stack is full.
            raise RecursionError("the script is nested too deeply to be compiled") from None

    def _compile_now(self):
        linecache.cache[SCRIPT] = (lambda: self.source,)
        is_async = "async" in self.source or "await" in self.source
        marks = quick.marks(self.source, self.mcp) if is_async else {}
        if marks is not None:
            with contextlib.suppress(SyntaxError):
                # Through the syntax tree a script costs two to three times as much to compile. Few need it.
                code = compile(self.source, SCRIPT, "exec", _TOP_LEVEL_AWAIT, dont_inherit=True)
                if not quick.ends_with_assignment(self.source):
                    code = _giving_last(code, self.source)
                if code is not None:
                    return quick.renamed(code, marks) if marks else code
        tree = compile(self.source, SCRIPT, "exec", ast.PyCF_ONLY_AST | _TOP_LEVEL_AWAIT, dont_inherit=True)
        if "return" in self.source:
            _end_at_returns(tree.body)
        _keep_last(tree.body)
        if is_async:
            asked.rewrite(tree, self.mcp)
        return compile(tree, SCRIPT, "exec", _TOP_LEVEL_AWAIT, dont_inherit=True)

    def tree(self):
        """The syntax tree as written."""
        return ast.parse(self.source)

    def owns(self, code):
        """Whether this is code of it, and not of an earlier script of its instance."""
        return not self.is_further or self.code is None or further.contains(self.code, code)

    def keep_values(self):
        """Has the values of last expressions and of `return` come here."""
        setattr(builtins, _LAST, self._set_last)
        setattr(builtins, _RETURN, _Returned)

    def _prepare(self):
        names, modules, mcp = self.names, sys.modules, self.mcp
        names.update(__builtins__=builtins, __file__=SCRIPT, mcp=mcp)
        modules["__main__"] = self.module
        modules["mcp"] = mcp
        for name, server in servers.by_python_name(mcp):
            names[name] = modules[f"mcp.{name}"] = server
            # `import crm` is what the stubs suggest to some; the standard library keeps its own names.
            modules.setdefault(name, server)
        self.keep_values()

    def _set_last(self, value):
        self.last = value

    def _run_plain(self, code):
        try:
            last = eval(code, self.names)
        except _Returned as end:
            value = end.value
        else:
            if last is not None:
                self.last = last
            value = self._value()
        if type(value) not in ATOMS and inspect.isawaitable(value):
            return loop.run(_awaited(value))
        return value

    async def _run_async(self, code):
        try:
            last = await eval(code, self.names)
        except _Returned as end:
            value = end.value
        else:
            if last is not None:
                self.last = last
            value = self._value()
        if type(value) is Call:
            return value_of(value)
        return await value if inspect.isawaitable(value) else value

    def has_result(self):
        """Whether the script named its result, rather than leave it to its last expression."""
        return "result" in self.names

    def _value(self):
        return self.names.get("result", self.last)


async def _awaited(value):
    return await value


def run_exit_functions():
    """Runs what the script registered with `atexit`. Errors are printed, as at any interpreter's end."""
    atexit._run_exitfuncs()
    atexit._clear()


def _giving_last(code, source):
    """Code that returns the value of the script's last statement if that is an expression. None: only the syntax tree
    says what the last statement is."""
    instructions = code.co_code
    operations = instructions[::2]
    # `a and b` and `a if b else c` have several ends. Lines are those of the compiler only where it is sure what ends one.
    if operations.count(_RETURN_VALUE) != 1 or "\r" in source:
        return None
    last = operations.index(_RETURN_VALUE) - 2
    end = operations[last : last + 3]
    if end != _STORED and end != _DROPPED:
        return None
    line, is_shared = _line(code, 2 * last)
    text = source.split("\n")[line - 1 :]
    # A constant leaves no instruction, only a line of its own for the last two.
    if not is_shared or any(";" in one for one in text):
        return None
    if end == _STORED:
        # A text that is all of the script is compiled as its docstring.
        return code if code.co_names[instructions[2 * last + 1]] != "__doc__" else None
    # An expression that does not begin its line belongs to another statement.
    if text[0][:1].isspace() or _COMPOUND.match(text[0]) or operations[last - 1] in _NO_VALUE:
        return None
    return code.replace(co_code=instructions[: 2 * last] + _GIVEN + instructions[2 * last + 6 :])


# What begins a line that may have a statement in it that is not the whole of it.
_COMPOUND = re.compile(r"(?:async|case|class|def|elif|else|except|finally|for|if|match|try|while|with)\b")


def _line(code, place):
    """The line of an instruction, and whether it is that of the next one as well."""
    for start, end, line in code.co_lines():
        if start <= place < end:
            return line or 1, place + 2 < end
    return 1, False


def _opcodes(*names):
    return bytes(opcode.opmap[name] for name in names)


_STORED = _opcodes("STORE_NAME", "LOAD_CONST", "RETURN_VALUE")
_DROPPED = _opcodes("POP_TOP", "LOAD_CONST", "RETURN_VALUE")
# What comes before a POP_TOP that ends `x: int = 3` and `from a import b`.
_NO_VALUE = _opcodes("SET_ADD", "STORE_NAME")
_RETURN_VALUE = opcode.opmap["RETURN_VALUE"]
# Instructions without arguments.
_GIVEN = b"".join(bytes([one, 0]) for one in _opcodes("NOP", "NOP", "RETURN_VALUE"))


def _end_at_returns(body):
    """Lets `return value` at the top level end the script: what its author meant is plain."""
    waiting = [body]
    while waiting:
        body = waiting.pop()
        for place, node in enumerate(body):
            kind = type(node)
            if kind is ast.Return:
                value = [node.value] if node.value else []
                call = ast.Call(ast.Name(_RETURN, ast.Load()), value, [])
                body[place] = ast.fix_missing_locations(ast.copy_location(ast.Raise(call, None), node))
            elif kind not in _FUNCTIONS:
                # Expressions hold no statements.
                waiting.extend(getattr(node, name, ()) for name in _BODIES)
                waiting.extend(part.body for name in _PARTS for part in getattr(node, name, ()))


_BODIES = ("body", "orelse", "finalbody")
_PARTS = ("handlers", "cases")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _keep_last(body):
    """Keeps the value of a last expression; of the last one under `if __name__ == "__main__":` too."""
    if not body:
        return
    last = body[-1]
    if isinstance(last, ast.Expr):
        keep = ast.Call(ast.Name(_LAST, ast.Load()), [last.value], [])
        body[-1] = ast.fix_missing_locations(ast.copy_location(ast.Expr(keep), last))
        ast.copy_location(keep, last.value)
    elif isinstance(last, ast.If) and ast.unparse(last.test) in ("__name__ == '__main__'", "'__main__' == __name__"):
        _keep_last(last.body)
