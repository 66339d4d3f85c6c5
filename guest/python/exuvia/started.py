"""A call that was started because the script asks for parallelism."""

import asyncio
import inspect
import operator

from exuvia import beside, calls
from exuvia.asked import AT_ONCE
from exuvia.bindings import ID, call_import

_begin = asyncio.Future.__init__

# Calls that failed. The exceptions of those that nobody has looked at are raised when the loop ends.
failed = []


class Call(asyncio.Future):
    """What a tool returns where its value goes to `await`, `gather` and their like: a future that becomes the value.

    Any other use of it, such as `call["items"]` or `for item in call`, waits for the answer and uses that.
    """

    __slots__ = ("_gathered", "_group", "_id", "_pending", "_started_line", "_tool")

    def __init__(self, tool, started, loop, group=AT_ONCE):
        _begin(self, loop=loop)
        self._tool = tool
        self._pending, self._started_line = started
        self._group = group
        # What counts it as answered: see `together`.
        self._gathered = None
        call_id = self._id = call_import(ID, [self._pending])
        calls.outstanding[call_id] = self
        if group != AT_ONCE:
            calls.loose[call_id] = self

    def arrived(self):
        """Takes the answer, which `wait` has reported or somebody blocks for."""
        pending, self._pending = self._pending, None
        if pending is None or self.done():
            return
        try:
            value = calls.take(self._tool, pending)
        except BaseException as error:
            failed.append(self)
            # In a task that only waits for this call no frame of the script is left to tell the line.
            error.script_line = self._started_line or None
            self.set_exception(error)
        else:
            self.set_result(value)
        gathered, self._gathered = self._gathered, None
        if gathered is not None:
            gathered.ended(self)

    def cancel(self, msg=None):
        if not super().cancel(msg=msg):
            return False
        calls.outstanding.pop(self._id, None)
        calls.loose.pop(self._id, None)
        # Dropping the resource is what tells the host.
        self._pending = None
        gathered, self._gathered = self._gathered, None
        if gathered is not None:
            gathered.ended(self)
        return True

    # isinstance(call, dict) asks this after it has compared the types.
    @property
    def __class__(self):
        return value_of(self).__class__

    def __getattr__(self, name):
        return getattr(value_of(self), name)

    def __copy__(self):
        return value_of(self)

    def __deepcopy__(self, memo):
        return value_of(self)

    def __repr__(self):
        if self.cancelled():
            return f"<cancelled call of {self._tool}>"
        return repr(value_of(self))

    __hash__ = asyncio.Future.__hash__


# What JSON becomes, and with it every value of a tool.
_PLAIN = frozenset({dict, list, str, int, float, bool, type(None)}) | beside.KINDS


class _Done:
    """A plain value, to be awaited."""

    __slots__ = ("_value",)

    def __init__(self, value):
        self._value = value

    def __await__(self):
        return self._value
        yield


def is_plain(value):
    """Whether this is a value as tools give it, rather than something to wait for or a list of that."""
    kind = type(value)
    return kind in _PLAIN and not (kind is list and value and inspect.isawaitable(value[0]))


def to_await(value):
    """What stands for the operand of an `await` of the script: a call that blocked gave a plain value."""
    if type(value) is Call:
        calls.loose.pop(value._id, None)
    elif is_plain(value):
        return _Done(value)
    return value


def value_of(call):
    """The value of a call, waited for if need be."""
    if not call.done():
        calls.outstanding.pop(call._id, None)
        call.arrived()
    return call.result()


def _plain(operand):
    return value_of(operand) if type(operand) is Call else operand


def _forward(operation):
    def method(self, *operands):
        return operation(value_of(self), *map(_plain, operands))

    return method


def _forward_reflected(operation):
    def method(self, other):
        return operation(other, value_of(self))

    return method


def _forward_all():
    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "lshift", "rshift", "xor"):
        setattr(Call, f"__{name}__", _forward(getattr(operator, name)))
        setattr(Call, f"__r{name}__", _forward_reflected(getattr(operator, name)))
    for name in ("and", "or"):
        setattr(Call, f"__{name}__", _forward(getattr(operator, f"{name}_")))
        setattr(Call, f"__r{name}__", _forward_reflected(getattr(operator, f"{name}_")))
    for name in ("lt", "le", "gt", "ge", "eq", "ne", "getitem", "setitem", "delitem", "contains"):
        setattr(Call, f"__{name}__", _forward(getattr(operator, name)))
    for name in ("neg", "pos", "abs", "invert", "index"):
        setattr(Call, f"__{name}__", _forward(getattr(operator, name)))
    for builtin in (int, float, complex, bool, len, iter, str, format, round, reversed):
        setattr(Call, f"__{builtin.__name__}__", _forward(builtin))


_forward_all()
