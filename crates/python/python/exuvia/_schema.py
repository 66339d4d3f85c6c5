"""Types of Python as JSON Schema, and JSON as values of these types.

Pydantic models are taken by their own methods where they are used; nothing here imports pydantic.
"""

from __future__ import annotations

import base64
import collections.abc
import contextlib
import contextvars
import dataclasses
import datetime
import decimal
import enum
import inspect
import ipaddress
import json
import pathlib
import sys
import types
import typing
import uuid
from collections.abc import Callable
from typing import Any

Schema = dict[str, Any]
Decode = Callable[[Any], Any]

# Written by `str` and read by the class itself.
_BY_TEXT: dict[type, str | None] = {
    uuid.UUID: "uuid",
    pathlib.Path: "path",
    pathlib.PurePath: "path",
    pathlib.PurePosixPath: "path",
    ipaddress.IPv4Address: "ipv4",
    ipaddress.IPv6Address: "ipv6",
}
_BY_ISO: dict[type, str] = {datetime.datetime: "date-time", datetime.date: "date", datetime.time: "time"}
_PLAIN: dict[Any, str] = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
_SETS = (set, frozenset, collections.abc.Set, collections.abc.MutableSet)
_LISTS = (
    list,
    collections.abc.Sequence,
    collections.abc.MutableSequence,
    collections.abc.Iterable,
    collections.abc.Collection,
)
_DICTS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
# Constraints of `annotated_types`, which pydantic's fields have as well.
_CONSTRAINTS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_LENGTHS = {"min_length": ("minLength", "minItems"), "max_length": ("maxLength", "maxItems")}
# The digits of an integer: converting them takes time by the square of their number.
_DIGITS = 10_000
# Whether an object with keys that its class does not have is none of that class.
_IS_EXACT: contextvars.ContextVar[bool] = contextvars.ContextVar("exuvia_is_exact", default=False)


class Mismatch(ValueError):
    """A value of JSON is not of the type."""


class Types:
    """Schemas that share their definitions.

    What is checked against its schema already needs no further check where it stays as it is; `strict` makes it for everything.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self.definitions: dict[str, Schema] = {}
        self._known: dict[Any, tuple[Schema, Decode]] = {}

    def of(self, kind: Any) -> tuple[Schema, Decode]:
        """The schema of a type, and what makes values of it. What has no schema of its own takes anything."""
        if kind in (Any, object, inspect.Parameter.empty) or isinstance(kind, typing.TypeVar):
            return {}, _same
        if kind is None:
            kind = type(None)
        if isinstance(kind, typing.NewType):
            return self.of(kind.__supertype__)
        if hasattr(kind, "__value__") and type(kind).__name__ == "TypeAliasType":
            return self.of(kind.__value__)
        origin = typing.get_origin(kind)
        if origin is typing.Annotated:
            return self._annotated(kind)
        if origin in (typing.Required, typing.NotRequired, typing.ClassVar, typing.Final):
            return self.of(typing.get_args(kind)[0])
        if origin in (typing.Union, types.UnionType):
            return self._union(typing.get_args(kind))
        if origin is typing.Literal:
            schema = {"enum": list(typing.get_args(kind))}
            return schema, _plain(kind, schema) if self.strict else _same
        if origin is not None:
            return self._generic(origin, typing.get_args(kind))
        return self._class(kind)

    def _class(self, kind: Any) -> tuple[Schema, Decode]:
        if kind in _PLAIN:
            schema = {"type": _PLAIN[kind]}
            if self.strict:
                return schema, _plain(kind, schema)
            return schema, float if kind is float else _same
        if kind in _BY_ISO:
            return {"type": "string", "format": _BY_ISO[kind]}, _iso(kind)
        if kind in _BY_TEXT:
            return {"type": "string", "format": _BY_TEXT[kind]}, kind
        if kind is datetime.timedelta:
            return {"type": "number"}, lambda value: datetime.timedelta(seconds=value)
        if kind is decimal.Decimal:
            return {"anyOf": [{"type": "number"}, {"type": "string"}]}, lambda value: decimal.Decimal(str(value))
        if kind in (bytes, bytearray):
            return {"type": "string", "contentEncoding": "base64"}, lambda value: kind(base64.b64decode(value))
        if kind in _LISTS or kind in _SETS or kind in _DICTS or kind is tuple:
            return self._generic(kind, ())
        if not isinstance(kind, type):
            return {}, _same
        if hasattr(kind, "model_json_schema") and hasattr(kind, "model_validate"):
            return self._defined(kind, self._pydantic)
        if issubclass(kind, enum.Enum):
            return {"enum": [member.value for member in kind]}, kind
        if dataclasses.is_dataclass(kind):
            return self._defined(kind, self._dataclass)
        if typing.is_typeddict(kind):
            return self._defined(kind, self._typed_dict)
        if issubclass(kind, tuple) and hasattr(kind, "_fields"):
            hints = _hints(kind)
            schema, decode = self._tuple([hints.get(name, Any) for name in kind._fields])
            return schema, lambda value: kind(*decode(value))
        return {}, _same

    def _annotated(self, kind: Any) -> tuple[Schema, Decode]:
        base, *notes = typing.get_args(kind)
        schema, decode = self.of(base)
        schema = dict(schema)
        is_list = schema.get("type") == "array"
        for note in [each for note in notes for each in (note, *getattr(note, "metadata", ()))]:
            description = note if isinstance(note, str) else getattr(note, "description", None)
            if isinstance(description, str):
                schema["description"] = description
            for name, key in _CONSTRAINTS.items():
                bound = getattr(note, name, None)
                if isinstance(bound, (int, float)):
                    schema[key] = bound
            for name, keys in _LENGTHS.items():
                bound = getattr(note, name, None)
                if isinstance(bound, int):
                    schema[keys[is_list]] = bound
        return schema, decode

    def _union(self, members: tuple[Any, ...]) -> tuple[Schema, Decode]:
        options = [self.of(member) for member in members]

        def decode(value: Any) -> Any:
            fitting = [option for schema, option in options if _may_be(schema, value)]
            # Keys that a class does not have are ignored, but they may tell that it is not the one.
            for is_exact in (True,) if _IS_EXACT.get() else (True, False):
                token = _IS_EXACT.set(is_exact)
                try:
                    for option in fitting:
                        with contextlib.suppress(TypeError, ValueError, KeyError, ArithmeticError):
                            return option(value)
                finally:
                    _IS_EXACT.reset(token)
            raise Mismatch(f"{_shown(value)} is none of {', '.join(_name(kind) for kind in members)}")

        if all(option is _same for _, option in options):
            return {"anyOf": [schema for schema, _ in options]}, _same
        return {"anyOf": [schema for schema, _ in options]}, decode

    def _generic(self, origin: Any, arguments: tuple[Any, ...]) -> tuple[Schema, Decode]:
        if origin in _DICTS:
            schema, item = self.of(arguments[1]) if len(arguments) == 2 else ({}, _same)
            _, key = self.of(arguments[0]) if arguments else ({}, _same)
            keys = _key(arguments[0], key) if arguments else _same
            made: Schema = {"type": "object", "additionalProperties": schema or True}
            if item is _same and keys is _same:
                return made, _of_type(dict)
            return made, lambda value: {keys(name): item(each) for name, each in _checked(value, dict).items()}
        if origin is tuple and arguments and arguments[-1] is not Ellipsis:
            return self._tuple(list(arguments))
        if origin in _LISTS or origin in _SETS or origin is tuple:
            schema, item = self.of(arguments[0]) if arguments else ({}, _same)
            made = {"type": "array"} | ({"items": schema} if schema else {})
            if origin in _SETS:
                made["uniqueItems"] = True
            into: Any = frozenset if origin is frozenset else set if origin in _SETS else tuple if origin is tuple else list
            if into is list and item is _same:
                return made, _of_type(list)
            return made, lambda value: into([item(each) for each in _checked(value, list)])
        return {}, _same

    def _tuple(self, members: list[Any]) -> tuple[Schema, Decode]:
        items = [self.of(member) for member in members if member != ()]
        schema = {
            "type": "array",
            "prefixItems": [schema for schema, _ in items],
            "minItems": len(items),
            "maxItems": len(items),
        }

        def decode(value: Any) -> tuple[Any, ...]:
            if len(_checked(value, list)) != len(items):
                raise Mismatch(f"{len(value)} items, not {len(items)}")
            return tuple(item(each) for (_, item), each in zip(items, value, strict=True))

        return schema, decode

    def _defined(self, kind: type, make: Callable[[Any, Schema], Decode]) -> tuple[Schema, Decode]:
        """A class by reference, since it may contain itself."""
        if kind not in self._known:
            name, number = kind.__name__, 2
            while name in self.definitions:
                name, number = f"{kind.__name__}{number}", number + 1
            definition = self.definitions.setdefault(name, {})
            made: list[Decode] = []
            self._known[kind] = ({"$ref": f"#/$defs/{name}"}, lambda value: made[0](value))
            made.append(make(kind, definition))
        return self._known[kind]

    def _dataclass(self, kind: Any, definition: Schema) -> Decode:
        hints = _hints(kind)
        fields = [field for field in dataclasses.fields(kind) if field.init]
        missing = dataclasses.MISSING
        required = [f.name for f in fields if f.default is missing and f.default_factory is missing]
        members = {field.name: hints.get(field.name, Any) for field in fields}
        decode = self._object(members, required, definition)
        return lambda value: kind(**decode(value))

    def _typed_dict(self, kind: Any, definition: Schema) -> Decode:
        hints = _hints(kind)
        return self._object(hints, [name for name in hints if name in kind.__required_keys__], definition)

    def _object(self, members: dict[str, Any], required: list[str], definition: Schema) -> Decode:
        known = {name: self.of(kind) for name, kind in members.items()}
        definition["type"] = "object"
        definition["properties"] = {name: schema for name, (schema, _) in known.items()}
        definition["required"] = required

        def decode(value: Any) -> dict[str, Any]:
            for name in required:
                if name not in _checked(value, dict):
                    raise Mismatch(f"{name} is missing")
            _check_keys(value, known)
            return {name: known[name][1](each) for name, each in value.items() if name in known}

        return decode

    def _pydantic(self, kind: Any, definition: Schema) -> Decode:
        schema = kind.model_json_schema(ref_template="#/$defs/{model}")
        for name, inner in schema.pop("$defs", {}).items():
            self.definitions.setdefault(name, inner)
        definition.update(schema)
        known = None if schema.get("additionalProperties") else schema.get("properties")

        def decode(value: Any) -> Any:
            if known is not None and isinstance(value, dict):
                _check_keys(value, known)
            return kind.model_validate(value)

        return decode


def _same(value: Any) -> Any:
    return value


def _hints(kind: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(kind, include_extras=True)
    except NameError:
        return {}


def _iso(kind: Any) -> Decode:
    def decode(value: Any) -> Any:
        return kind.fromisoformat(value)

    return decode


def _key(kind: Any, decode: Decode) -> Decode:
    """Keys are texts in JSON, whatever they were."""
    return kind if kind in (int, float) else decode


def _plain(kind: Any, schema: Schema) -> Decode:
    def decode(value: Any) -> Any:
        if not _may_be(schema, value):
            raise Mismatch(f"{_shown(value)} is no {_name(kind)}")
        return float(value) if kind is float else value

    return decode


def _check_keys(value: Any, known: collections.abc.Container[str]) -> None:
    if _IS_EXACT.get() and (others := [name for name in value if name not in known]):
        raise Mismatch(f"{_shown(others)} are not among its keys")


def _checked(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise Mismatch(f"{_shown(value)} is no {kind.__name__}")
    return value


def _of_type(kind: type) -> Decode:
    return lambda value: _checked(value, kind)


def _may_be(schema: Schema, value: Any) -> bool:
    """Whether a value could be of a schema, by its kind alone."""
    if "enum" in schema:
        return value in schema["enum"]
    kinds = {
        "null": value is None,
        "boolean": isinstance(value, bool),
        "integer": isinstance(value, int) and not isinstance(value, bool),
        "number": isinstance(value, (int, float)) and not isinstance(value, bool),
        "string": isinstance(value, str),
        "array": isinstance(value, list),
        "object": isinstance(value, dict),
    }
    return kinds.get(schema.get("type", ""), True)


def _name(kind: Any) -> str:
    return getattr(kind, "__name__", str(kind))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


def decoder(kind: Any) -> Decode:
    """What makes a value of this type from JSON, and raises ValueError, TypeError or KeyError for what is none."""
    return Types(strict=True).of(kind)[1]


def parse(text: str) -> Any:
    """A value from JSON, with integers of any length up to a bound. Raises ValueError or RecursionError."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        # An integer with more digits than this interpreter converts.
        return json.loads(text, parse_int=_integer)


def _integer(text: str) -> int:
    if len(text) <= sys.int_info.str_digits_check_threshold:
        return int(text)
    if len(text) > _DIGITS:
        raise ValueError(f"an integer has {len(text)} digits, {_DIGITS} are allowed")
    return int(decimal.Decimal(text))


def encode(value: Any) -> str:
    """A value as JSON, by the same rules.

    Raises TypeError or ValueError for what JSON cannot say.
    """
    return json.dumps(value, default=_encoded, allow_nan=False)


def _encoded(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, (decimal.Decimal, uuid.UUID, pathlib.PurePath, ipaddress.IPv4Address, ipaddress.IPv6Address)):
        return str(value)
    if isinstance(value, collections.abc.Mapping):
        return dict(value)
    if isinstance(value, (collections.abc.Iterable)) and not inspect.isasyncgen(value):
        return list(value)
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")
