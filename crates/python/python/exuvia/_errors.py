"""What can go wrong, under the sandbox's own names."""

from __future__ import annotations

from typing import Any

from ._results import Call, Usage

__all__ = [
    "Cancelled",
    "Denied",
    "EngineError",
    "Fault",
    "LimitReached",
    "OutOfFuel",
    "OutOfMemory",
    "ResultTooLarge",
    "SandboxError",
    "ScriptError",
    "SourceTooLarge",
    "StackOverflow",
    "Timeout",
    "ToolDenied",
    "ToolError",
    "ToolUnavailable",
    "TooManyCalls",
    "WrongResult",
]


class EngineError(RuntimeError):
    """The engine could not start, or a sandbox was used after its end."""


class SandboxError(Exception):
    """A script came to no result. What it did until then is kept."""

    message: str
    """What happened, for the author of the script."""
    logs: str
    """What the script printed."""
    calls: tuple[Call, ...]
    """The calls of tools that it made."""
    usage: Usage | None
    """What it used. None: a step of a session."""

    def __init__(
        self, message: str, *, logs: str = "", calls: tuple[Call, ...] = (), usage: Usage | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.logs = logs
        self.calls = calls
        self.usage = usage

    def __str__(self) -> str:
        return self.message


class ScriptError(SandboxError):
    """The script's own fault: an exception that it did not catch, a syntax error, an exit, a crash of its interpreter.

    ``str(error)`` has all of it, for whoever repairs the script.
    """

    kind: str
    """The class of the exception, as `KeyError`; `exited`, `crashed`."""
    line: int | None
    """The line of the script at fault, counted from 1."""
    traceback: str
    """The excerpt of the script around that line, and who called it."""
    hint: str | None
    """How to repair it."""

    def __init__(
        self,
        message: str,
        *,
        kind: str,
        line: int | None = None,
        traceback: str = "",
        hint: str | None = None,
        logs: str = "",
        calls: tuple[Call, ...] = (),
        usage: Usage | None = None,
    ) -> None:
        super().__init__(message, logs=logs, calls=calls, usage=usage)
        self.kind = kind
        self.line = line
        self.traceback = traceback
        self.hint = hint

    def __str__(self) -> str:
        first = f"{self.kind}: {self.message}" if self.message else self.kind
        hint = f"hint: {self.hint}" if self.hint else ""
        return "\n".join(part for part in (first, self.traceback, hint) if part)


class Denied(ScriptError):
    """A call that a tool refused by `ToolDenied` left the script as an uncaught exception."""


class LimitReached(SandboxError):
    """A limit stopped the script."""

    limit: str
    """The name of the field of `Limits`, or `stack_bytes`."""
    line: int | None
    """Where the script met it, if it had a chance to."""

    def __init__(
        self,
        message: str,
        *,
        limit: str,
        line: int | None = None,
        logs: str = "",
        calls: tuple[Call, ...] = (),
        usage: Usage | None = None,
    ) -> None:
        super().__init__(message, logs=logs, calls=calls, usage=usage)
        self.limit = limit
        self.line = line


class OutOfFuel(LimitReached):
    """`fuel`"""


class Timeout(LimitReached, TimeoutError):
    """`wall_ms`"""


class OutOfMemory(LimitReached):
    """`memory_bytes`"""


class TooManyCalls(LimitReached):
    """`tool_calls`"""


class StackOverflow(LimitReached):
    """The depth of the stack."""


class ResultTooLarge(LimitReached):
    """`result_bytes`"""


class SourceTooLarge(LimitReached):
    """`source_bytes`"""


class Cancelled(SandboxError):
    """The run was cancelled, but not by its own task."""


class WrongResult(SandboxError):
    """The result is not of the type that `returns` asks for, or has an integer of more than 10,000 digits."""


class Fault(SandboxError):
    """The sandbox itself went wrong. The text is for the operator only."""


class ToolError(Exception):
    """Raised in a tool: a failure, with data for the script beside the message."""

    def __init__(self, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.data = data


class ToolDenied(ToolError):
    """Raised in a tool: this call may not be made. In the script it is a `ToolDenied`, which is a `PermissionError`."""


class ToolUnavailable(ToolError):
    """Raised in a tool: what it needs cannot be reached now. In the script it is a `ToolUnavailable`."""


BY_LIMIT: dict[str, type[LimitReached]] = {
    "fuel": OutOfFuel,
    "wall_ms": Timeout,
    "memory_bytes": OutOfMemory,
    "tool_calls": TooManyCalls,
    "stack_bytes": StackOverflow,
    "result_bytes": ResultTooLarge,
    "source_bytes": SourceTooLarge,
}
