"""What runs take and give."""

from __future__ import annotations

import dataclasses
from typing import Any, Generic, Literal, TypeAlias, TypeVar

__all__ = ["Call", "CallEnded", "CallStarted", "Event", "Limits", "Log", "Result", "StepResult", "Usage"]

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of one run, or of one session. Every one has a value: nothing is unlimited."""

    fuel: int = 20_000_000_000
    """Work: two billion are about a second of Python."""
    wall_ms: int = 120_000
    """Time from start to end, waiting for tools included."""
    memory_bytes: int = 256 << 20
    """Memory of the script, the interpreter's own included."""
    tool_calls: int = 10_000
    """Calls of tools."""
    concurrent_calls: int = 32
    """Calls that are with their tools at the same time. Further ones wait."""
    call_timeout_ms: int = 30_000
    """How long one call may take. The script may catch what comes of a longer one."""
    call_arguments_bytes: int = 4 << 20
    """The arguments of one call, as JSON."""
    call_result_bytes: int = 16 << 20
    """The answer of one call, as JSON."""
    buffered_bytes: int = 128 << 20
    """Arguments and answers in flight, together."""
    log_bytes: int = 256 << 10
    """What the script prints. The rest is dropped and counted."""
    result_bytes: int = 16 << 20
    """The result, as JSON."""
    source_bytes: int = 1 << 20
    """The script."""


@dataclasses.dataclass(frozen=True, slots=True)
class Usage:
    """What a run used."""

    fuel: int
    """Units of fuel: work, by a measure that does not depend on the machine."""
    memory_bytes_peak: int
    """The largest size of the script's memory, the interpreter's own included."""
    wall_ms: int
    """From start to end."""
    tool_calls: int
    """Calls of tools."""


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """One call of a tool."""

    server: str
    tool: str
    outcome: str
    """`ok`, or what became of it: `tool-failed`, `denied`, `timed-out`, `invalid-arguments`, `cancelled`, ..."""
    ms: int
    """How long it took."""


@dataclasses.dataclass(frozen=True, slots=True)
class Result(Generic[T]):
    """What came of a script."""

    value: T
    """The value of `result`, of the last expression, or of a `return` at the top level."""
    logs: str
    """What it printed."""
    logs_dropped_bytes: int
    """How much more it printed than `log_bytes` allows."""
    calls: tuple[Call, ...]
    """The calls of tools that it made, in order."""
    usage: Usage
    """What it used."""


@dataclasses.dataclass(frozen=True, slots=True)
class StepResult(Generic[T]):
    """What came of one step of a session."""

    value: T
    """The value of the step's last expression, of `result` if the step assigned it, or of a `return` at the top level."""
    logs: str
    """What it printed."""
    calls: tuple[Call, ...]
    """The calls of tools that it made, in the order in which they ended."""
    is_final: bool
    """Whether it ended by `final_answer(value)`, where the session has that."""


@dataclasses.dataclass(frozen=True, slots=True)
class Log:
    """The script printed."""

    stream: Literal["stdout", "stderr"]
    text: str


@dataclasses.dataclass(frozen=True, slots=True)
class CallStarted:
    """The script made a call."""

    id: int
    server: str
    tool: str


@dataclasses.dataclass(frozen=True, slots=True)
class CallEnded:
    """A call has its answer, or was given up."""

    id: int
    outcome: str
    ms: int


Event: TypeAlias = Log | CallStarted | CallEnded


def event(message: tuple[Any, ...]) -> Event | None:
    """The event that the native module reports in this form. None: it is no event."""
    match message:
        case ("log", stream, text):
            return Log(stream, text)
        case ("call", id, server, tool):
            return CallStarted(id, server, tool)
        case ("ended", id, outcome, ms):
            return CallEnded(id, outcome, ms)
    return None
