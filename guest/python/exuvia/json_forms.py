"""Which JSON a Python value becomes, beyond what `json` itself does.

dataclass: object. namedtuple of the script: object. datetime, date, time: ISO 8601. timedelta: seconds. Decimal: a number
with its digits as they are. set, frozenset: sorted array. Enum: its value. bytes: base64. Path, UUID, IP address: text.
"""

import array
import base64
import collections
import collections.abc
import concurrent.futures
import dataclasses
import datetime
import decimal
import enum
import ipaddress
import os
import pathlib
import sqlite3
import types
import uuid

from exuvia.started import Call, value_of

# A Decimal leaves the encoder as a string between these marks and loses them and its quotes afterwards: the C encoder
# has no way to write a number that is neither int nor float. None until there is one; random for each run.
decimal_mark = None


class NotJson(TypeError):
    """Raised by `form` for a value that has no form."""


def _decimal(value):
    global decimal_mark
    if not value.is_finite():
        raise NotJson(f"is Decimal {value}, which JSON cannot hold; use None")
    if decimal_mark is None:
        decimal_mark = f"exuvia-decimal-{os.urandom(8).hex()}-"
    return f"{decimal_mark}{value}{decimal_mark}"


def _seconds(value):
    seconds = value.total_seconds()
    return int(seconds) if seconds.is_integer() else seconds


def _sorted(value):
    try:
        return sorted(value)
    except TypeError:
        return sorted(value, key=lambda item: (type(item).__name__, repr(item)))


def _fields(value):
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _base64(value):
    return base64.b64encode(bytes(value)).decode()


def _iso(value):
    return value.isoformat()


def _enum(value):
    return value.value


def _row(value):
    return {name: value[name] for name in value.keys()}


def _result(value):
    return value.result()


def _future(value):
    if value.done():
        return value.result()
    raise NotJson("is a task that has not finished: await it")


# In this order: the first match wins, so subclasses stand before their bases.
_FORMS = [
    (Call, value_of),
    (concurrent.futures.Future, _result),
    (enum.Enum, _enum),
    (datetime.date, _iso),
    (datetime.time, _iso),
    (datetime.timedelta, _seconds),
    (decimal.Decimal, _decimal),
    ((set, frozenset, collections.abc.Set), _sorted),
    ((bytes, bytearray, memoryview), _base64),
    ((uuid.UUID, pathlib.PurePath), str),
    ((ipaddress._IPAddressBase,), str),
    (types.SimpleNamespace, vars),
    (sqlite3.Row, _row),
    (collections.abc.Mapping, dict),
    ((collections.abc.Sequence, collections.deque, array.array, collections.abc.ValuesView), list),
]


def is_iterator(value):
    """Whether reading `value` uses it up: `form` leaves it alone, so that an encoding may be tried twice."""
    return issubclass(type(value), collections.abc.Iterator)


def form(value):
    """The value that stands for `value` in JSON: one step, the encoder goes on with what comes back."""
    kind = type(value)
    if dataclasses.is_dataclass(kind):
        return _fields(value)
    if isinstance(kind, type) and kind.__module__ == "_asyncio":
        return _future(value)
    for kinds, convert in _FORMS:
        if issubclass(kind, kinds):
            return convert(value)
    raise NotJson(_not_json(value))


def key_form(key):
    """The string that stands for a mapping's key, or None when there is none."""
    kind = type(key)
    if issubclass(kind, enum.Enum):
        return key_form(key.value)
    if issubclass(kind, str):
        return str.__str__(key)
    if key is None or kind is bool:
        return {None: "null", True: "true", False: "false"}[key]
    if issubclass(kind, int):
        return int.__repr__(key)
    if issubclass(kind, float):
        return float.__repr__(key)
    if issubclass(kind, (datetime.date, datetime.time)):
        return key.isoformat()
    if issubclass(kind, (decimal.Decimal, uuid.UUID, pathlib.PurePath, ipaddress._IPAddressBase)):
        return str(key)
    return None


def _not_json(value):
    kind = type(value)
    name = getattr(kind, "__name__", "object")
    if kind is types.CoroutineType:
        return f"is a coroutine that was never awaited: write `await {value.__qualname__}(...)`"
    if kind is types.AsyncGeneratorType:
        return f"is an async generator: write `[x async for x in {value.__qualname__}(...)]`"
    if kind.__module__ == "exuvia.servers":
        return f"is {value!r}, not a value: call the tool"
    if kind in (types.FunctionType, types.MethodType, types.BuiltinFunctionType):
        return f"is a function: call it, {getattr(value, '__name__', 'f')}(...)"
    if kind is types.ModuleType or isinstance(value, type):
        return f"is a {kind.__name__}, which is not JSON"
    if isinstance(value, BaseException):
        return f"is a {name}, which is not JSON; use str(...)"
    if kind is complex:
        return "is a complex number, which is not JSON; use [z.real, z.imag]"
    return f"is a {name}, which is not JSON; use its fields, vars(...) or str(...)"
