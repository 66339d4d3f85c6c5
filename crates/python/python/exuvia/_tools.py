"""Functions as tools: their signatures and docstrings become stubs and schemas."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeAlias, cast

from . import _native
from ._errors import ToolDenied, ToolError, ToolUnavailable
from ._protocol import Answer, Described
from ._schema import Decode, Schema, Types, encode

__all__ = ["Tool"]

Function: TypeAlias = Callable[..., Any]

DEFAULT_SERVER = "tools"

_SECTION = re.compile(r"^(Args|Arguments|Parameters|Params|Returns?|Raises|Yields?|Examples?|Notes?):\s*$")
_ENTRY = re.compile(r"^\*{0,2}(\w+)(?:\s*\([^)]*\))?:\s*(.*)$")
_FIELD = re.compile(r"^:param\s+(?:[^:]*\s)?(\w+):\s*(.*)$")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tool:
    """A function, with what its signature does not say."""

    function: Function
    """Plain or async. A plain one is called on a thread of the engine, several at a time."""
    name: str | None = None
    """Its own name if None."""
    description: str | None = None
    """Its docstring if None."""
    input_schema: Mapping[str, Any] | None = None
    """The JSON Schema of its arguments, which it then gets as keywords as they come. Made of its signature if None."""
    output_schema: Mapping[str, Any] | None = None
    """The JSON Schema of what it returns. Made of its signature if None, unless `input_schema` is given."""



class BoundTool:
    """A tool as it is described to scripts, and called by them."""

    def __init__(self, tool: Function | Tool) -> None:
        if not isinstance(tool, Tool):
            tool = Tool(function=tool)
        self.function = tool.function
        name = tool.name or getattr(tool.function, "__name__", None)
        if not name or name == "<lambda>":
            raise TypeError(f"{tool.function!r} has no name: give it one with Tool(function=..., name=...)")
        self.name: str = name
        self.is_async = _is_async(tool.function)
        docstring = tool.description if tool.description is not None else inspect.getdoc(tool.function) or ""
        self.description, told = _read_docstring(docstring)
        self.decoders: dict[str, Decode] | None = None
        self.output_schema: Schema | None = None
        if tool.input_schema is None:
            self.input_schema = self._read_signature(told)
        else:
            self.input_schema = dict(tool.input_schema)
        if tool.output_schema is not None:
            self.output_schema = dict(tool.output_schema)
        self.positional: tuple[str, ...]
        if tool.input_schema is not None:
            self.positional = ()

    def _read_signature(self, told: dict[str, str]) -> Schema:
        signature = _signature(self.function)
        types = Types()
        properties: dict[str, Schema] = {}
        required: list[str] = []
        positional: list[str] = []
        takes_others = False
        self.decoders = {}
        for name, parameter in signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                takes_others = True
                continue
            if parameter.kind is parameter.VAR_POSITIONAL:
                raise TypeError(f"{self.name}: *{name} cannot be described by a schema: take a list")
            if parameter.kind is parameter.POSITIONAL_ONLY:
                positional.append(name)
            schema, self.decoders[name] = types.of(parameter.annotation)
            schema = dict(schema)
            if name in told:
                schema.setdefault("description", told[name])
            if parameter.default is parameter.empty:
                required.append(name)
            else:
                try:
                    schema["default"] = json.loads(encode(parameter.default))
                except (TypeError, ValueError):
                    # Left out, as what the script need not give.
                    pass
            properties[name] = schema
        self.positional = tuple(positional)
        made: Schema = {"type": "object", "properties": properties, "required": required}
        made["additionalProperties"] = takes_others
        if signature.return_annotation is not signature.empty:
            returned = Types()
            output, _ = returned.of(signature.return_annotation)
            if output:
                self.output_schema = output | ({"$defs": returned.definitions} if returned.definitions else {})
        if types.definitions:
            made["$defs"] = types.definitions
        return made

    def described(self, *, is_held: bool = False) -> Described:
        """What the native module is told."""
        output = None if self.output_schema is None else json.dumps(self.output_schema)
        return (self.name, self.description or None, json.dumps(self.input_schema), output, self.is_async, is_held)

    def call(self, arguments: str, mask: bool) -> Answer:
        """Calls a plain tool."""
        try:
            positional, keywords = self._arguments(arguments)
        except Exception as error:
            return self._invalid(error)
        try:
            return self._answer(self.function(*positional, **keywords))
        except Exception as error:
            return self._failure(error, mask)

    async def call_async(self, arguments: str, mask: bool) -> Answer:
        """Calls an async tool."""
        try:
            positional, keywords = self._arguments(arguments)
        except Exception as error:
            return self._invalid(error)
        try:
            return self._answer(await cast("Awaitable[Any]", self.function(*positional, **keywords)))
        except Exception as error:
            return self._failure(error, mask)

    def _arguments(self, text: str) -> tuple[list[Any], dict[str, Any]]:
        given = json.loads(text)
        if self.decoders is not None:
            decoders = self.decoders
            given = {name: decoders[name](value) if name in decoders else value for name, value in given.items()}
        return [given.pop(name) for name in self.positional if name in given], given

    def _invalid(self, error: Exception) -> Answer:
        return "invalid", f"{self.name}: {_message(error)}", None

    def _answer(self, value: Any) -> Answer:
        try:
            return "ok", encode(value), None
        except (TypeError, ValueError, RecursionError) as error:
            return "failed", f"{self.name} returned what JSON cannot say: {error}", None

    def _failure(self, error: Exception, mask: bool) -> Answer:
        match error:
            case ToolDenied():
                return "denied", _text(error.message), None
            case ToolUnavailable():
                return "unavailable", _text(error.message), None
            case ToolError():
                return "failed", _text(error.message), _data(error.data)
        return "failed", f"{self.name} failed" if mask else _message(error), None


def _message(error: Exception) -> str:
    text = _text(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _text(value: object) -> str:
    """What it says, as a text that can be passed on. Empty: it cannot say it."""
    try:
        return str(value).encode(errors="replace").decode()
    except Exception:
        return ""


def _data(data: Any) -> str | None:
    """The data of a failure. What is no JSON is left out."""
    try:
        return None if data is None else encode(data)
    except Exception:
        return None


def _is_async(function: Function) -> bool:
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))


def _signature(function: Function) -> inspect.Signature:
    try:
        return inspect.signature(function, eval_str=True)
    except NameError:
        # Annotations that name what is only imported for type checkers.
        return inspect.signature(function)


def _read_docstring(text: str) -> tuple[str, dict[str, str]]:
    """What a docstring says of the function, and of its parameters: in Google's form (`Args:`), or as `:param name:`."""
    kept: list[str] = []
    told: dict[str, str] = {}
    section, name, indent = "", "", 0
    for line in text.splitlines():
        heading = _SECTION.match(line.strip())
        field = _FIELD.match(line.strip())
        if field:
            told[field[1]] = field[2]
            continue
        if heading and not line.startswith(" "):
            section, name = heading[1], ""
            if section[0] not in "AP":
                kept.append(line)
            continue
        if section and section[0] in "AP" and (line.startswith(" ") or not line.strip()):
            entry = _ENTRY.match(line.strip())
            here = len(line) - len(line.lstrip())
            if entry and (not name or here <= indent):
                name, indent = entry[1], here
                told[name] = entry[2]
            elif name and line.strip():
                told[name] = f"{told[name]} {line.strip()}".strip()
            continue
        section = "" if line.strip() and not line.startswith(" ") else section
        kept.append(line)
    return "\n".join(kept).strip(), told


class ToolSet:
    """The tools of a sandbox."""

    def __init__(self, tools: Iterable[Function | Tool], servers: Mapping[str, Iterable[Function | Tool]]) -> None:
        given = {DEFAULT_SERVER: list(tools)}
        for name, listed in servers.items():
            given.setdefault(name, []).extend(listed)
        bound = {name: [BoundTool(tool) for tool in listed] for name, listed in given.items()}
        self.servers: dict[str, list[BoundTool]] = {name: listed for name, listed in bound.items() if listed}
        self.bound: list[BoundTool] = [tool for listed in self.servers.values() for tool in listed]
        self.native: _native.Tools = _native.Tools(self._described())
        self.has_async: bool = any(tool.is_async for tool in self.bound)

    def _described(self) -> list[tuple[str, list[Described]]]:
        return [(name, [tool.described() for tool in listed]) for name, listed in self.servers.items()]

    def native_with(self, server: str, described: list[Described]) -> _native.Tools:
        """The same tools, before those of one more server, which the native module counts first."""
        return _native.Tools([(server, described), *self._described()])
