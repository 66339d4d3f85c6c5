"""The native module. Private: nothing outside this package should use it."""

from collections.abc import Callable, Sequence
from typing import Any, Final, final

from ._protocol import Answer, Described, Report

__all__ = ["DEFAULT_LIMITS", "GUEST_DIGEST", "VERSION", "Reply", "Run", "Tools", "close", "configure", "forked", "start", "unraisable"]

GUEST_DIGEST: Final[str]
VERSION: Final[str]
DEFAULT_LIMITS: Final[dict[str, int]]

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
def forked() -> None: ...
def unraisable(error: BaseException, raised_by: object) -> None: ...
