"""The native module. Private: nothing outside this package should use it."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias, TypedDict, final

GUEST_DIGEST: Final[str]
VERSION: Final[str]
DEFAULT_LIMITS: Final[dict[str, int]]

# The name of a case ("ok", "failed", "denied", "invalid", "unavailable"), JSON or a message, the data of a failure as JSON.
Answer: TypeAlias = tuple[str, str, str | None]
# Name, description, schema of the arguments, schema of the result, whether it is async, whether time stands still meanwhile.
Described: TypeAlias = tuple[str, str | None, str, str | None, bool, bool]

class Report(TypedDict):
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

@final
class Tools:
    def __new__(cls, servers: Sequence[tuple[str, Sequence[Described]]]) -> Tools: ...
    def stubs(self) -> list[tuple[str, str]]: ...
    def search(self, query: str) -> str: ...

@final
class Reply:
    def resolve(self, answer: Answer) -> None: ...

@final
class Run:
    def cancel(self) -> None: ...
    def wait(self) -> Report: ...

def start(
    code: str,
    limits: dict[str, int],
    tools: Tools,
    invoke: Callable[[int, str], Answer],
    *,
    sink: Callable[[list[tuple[Any, ...]]], None] | None = None,
    events: bool = False,
    ended: Callable[[Report], None] | None = None,
) -> Run: ...
def configure(
    *, concurrent_runs: int | None = None, runs_memory_bytes: int | None = None, stack_bytes: int | None = None
) -> None: ...
def close() -> None: ...
