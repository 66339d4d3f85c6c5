"""From the report of a run to its result, or the exception that it comes to."""

from __future__ import annotations

from typing import Any

from ._errors import BY_LIMIT, Cancelled, Denied, Fault, LimitReached, SandboxError, ScriptError, WrongResult
from ._protocol import Report
from ._results import Call, Result, Usage
from ._schema import Decode, parse


def result(report: Report, decode: Decode | None) -> Result[Any]:
    """The result of a run. Raises a SandboxError if there is none."""
    calls = tuple(Call(*call) for call in report["calls"])
    usage = Usage(*report["usage"])
    if report["value"] is None:
        raise _error(report, calls, usage)
    value = decoded(report["value"], decode, logs=report["logs"], calls=calls, usage=usage)
    return Result(value, report["logs"], report["logs_dropped_bytes"], calls, usage)


def decoded(text: str, decode: Decode | None, *, logs: str, calls: tuple[Call, ...], usage: Usage | None) -> Any:
    """The value of a result, which is JSON. Raises WrongResult."""
    try:
        value = parse(text)
    except (ValueError, RecursionError) as error:
        raise WrongResult(f"the result cannot be read: {error}", logs=logs, calls=calls, usage=usage) from error
    if decode is None:
        return value
    try:
        return decode(value)
    except Exception as error:
        message = f"the result is not of the expected type: {error}"
        raise WrongResult(message, logs=logs, calls=calls, usage=usage) from error


def _error(report: Report, calls: tuple[Call, ...], usage: Usage) -> SandboxError:
    logs, error = report["logs"], report["error"]
    message = report["message"] or report["outcome"]
    if report["limit"] is not None:
        kind = BY_LIMIT.get(report["limit"], LimitReached)
        line = error[2] if error else None
        return kind(message, limit=report["limit"], line=line, logs=logs, calls=calls, usage=usage)
    if error is not None:
        return script_error(error, is_denied=report["outcome"] == "denied", logs=logs, calls=calls, usage=usage)
    if report["outcome"] == "cancelled":
        return Cancelled("the run was cancelled", logs=logs, calls=calls, usage=usage)
    return Fault(message, logs=logs, calls=calls, usage=usage)


def script_error(
    error: tuple[str, str, int | None, str, str | None],
    *,
    is_denied: bool,
    logs: str,
    calls: tuple[Call, ...],
    usage: Usage | None,
) -> ScriptError:
    """The error of a script, as the sandbox reports it."""
    kind, message, line, traceback, hint = error
    made = Denied if is_denied else ScriptError
    return made(message, kind=kind, line=line, traceback=traceback, hint=hint, logs=logs, calls=calls, usage=usage)
