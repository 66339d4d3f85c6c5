"""What the native module takes and gives."""

from __future__ import annotations

from typing import TypeAlias, TypedDict

Answer: TypeAlias = tuple[str, str, str | None]
"""The name of a case (`ok`, `failed`, `denied`, `invalid`, `unavailable`), JSON or a message, the data of a failure as JSON."""

Described: TypeAlias = tuple[str, str | None, str, str | None, bool, bool]
"""A tool: name, description, schema of the arguments, schema of the result, whether it is async, whether time stands still meanwhile."""


class Report(TypedDict):
    """What came of a run."""

    outcome: str
    value: str | None
    logs: str
    logs_dropped_bytes: int
    # Kind, message, line, traceback, hint.
    error: tuple[str, str, int | None, str, str | None] | None
    limit: str | None
    message: str | None
    calls: list[tuple[str, str, str, int]]
    usage: tuple[int, int, int, int]
