"""The sandbox."""

from __future__ import annotations

import asyncio
import dataclasses
import types
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, TypeVar, overload

from . import _native
from ._calls import Calls, OnEvent, background_loop, settled
from ._errors import EngineError
from ._outcome import result
from ._protocol import Report
from ._results import Event, Limits, Result
from ._schema import decoder
from ._session import Session
from ._tools import Function, Tool, ToolSet

__all__ = ["Sandbox", "Stream", "configure"]

T = TypeVar("T")

_DEFAULT = Limits()
_NO_SERVERS: Mapping[str, Iterable[Function | Tool]] = types.MappingProxyType({})


def configure(
    *, concurrent_runs: int | None = None, runs_memory_bytes: int | None = None, stack_bytes: int | None = None
) -> None:
    """Sets up the engine of this process, before its first script.

    `concurrent_runs`: scripts that execute at the same time, 16 if None; further ones wait. `runs_memory_bytes`: their memory together,
    5 GiB if None. `stack_bytes`: how deep the stack of a script may get, 32 MiB if None. Raises EngineError when the engine has been
    started.
    """
    try:
        _native.configure(
            concurrent_runs=concurrent_runs, runs_memory_bytes=runs_memory_bytes, stack_bytes=stack_bytes
        )
    except RuntimeError as error:
        raise EngineError(str(error)) from None


class Sandbox:
    """Runs scripts, each in a fresh CPython 3.14 of its own, with these tools and under these limits.

    A sandbox holds nothing but its settings: it may be used from many threads and loops at the same time, and in the children of a fork.
    """

    def __init__(
        self,
        *,
        tools: Iterable[Function | Tool] = (),
        servers: Mapping[str, Iterable[Function | Tool]] = _NO_SERVERS,
        limits: Limits = _DEFAULT,
        mask_errors: bool = False,
    ) -> None:
        """`tools`: functions, which scripts call as `tools.name(...)`. `servers`: more of them by the name of a server, for
        `server.name(...)`. `mask_errors`: scripts see of exceptions in tools that they happened, and the message of a `ToolError` alone.
        """
        self._tools = ToolSet(tools, servers)
        self._mask = mask_errors
        self._limits = dataclasses.asdict(limits)

    @property
    def stubs(self) -> str:
        """The tools as Python stubs, for the prompt of whoever writes the scripts."""
        return "\n".join(text for _, text in self._tools.native.stubs())

    def search(self, query: str) -> str:
        """The tools that fit words of what they do, with their signatures. Scripts have this as `mcp.search(...)`."""
        return self._tools.native.search(query)

    @overload
    async def run(self, code: str, *, on_event: OnEvent | None = None) -> Result[Any]: ...
    @overload
    async def run(self, code: str, *, returns: type[T], on_event: OnEvent | None = None) -> Result[T]: ...
    async def run(self, code: str, *, returns: Any = Any, on_event: OnEvent | None = None) -> Result[Any]:
        """Runs a script. Cancelling the task stops it, and returns when it has stopped.

        `returns`: the type of the result; what is not of it raises `WrongResult`. `on_event`: is called on the loop with what happens, as it
        happens. Async tools run on the loop, plain ones on threads. Raises a `SandboxError` if the script comes to no result.
        """
        loop = asyncio.get_running_loop()
        decode = None if returns is Any else decoder(returns)
        calls = Calls(self._tools, self._mask, loop, on_event)
        done: asyncio.Future[Report] = loop.create_future()

        def ended(report: Report) -> None:
            loop.call_soon_threadsafe(done.set_result, report)

        run = _start(code, self._limits, self._tools.native, calls, events=on_event is not None, ended=ended)
        try:
            await asyncio.shield(done)
            await calls.finished()
        except asyncio.CancelledError:
            run.cancel()
            await settled(done)
            await calls.finished()
            raise
        return result(done.result(), decode)

    @overload
    def run_sync(self, code: str, *, on_event: OnEvent | None = None) -> Result[Any]: ...
    @overload
    def run_sync(self, code: str, *, returns: type[T], on_event: OnEvent | None = None) -> Result[T]: ...
    def run_sync(self, code: str, *, returns: Any = Any, on_event: OnEvent | None = None) -> Result[Any]:
        """The same, for synchronous code. Ctrl-C stops the script.

        Async tools run on a loop of a thread of this package, and await `run` where they run scripts themselves; `on_event` is called on a
        thread of it as well.
        """
        decode = None if returns is Any else decoder(returns)
        loop = background_loop() if self._tools.has_async else None
        calls = Calls(self._tools, self._mask, loop, on_event, is_background=True)
        run = _start(code, self._limits, self._tools.native, calls, events=on_event is not None, ended=None)
        try:
            report = run.wait()
        except BaseException:
            run.cancel()
            run.wait()
            raise
        finally:
            if loop is not None:
                asyncio.run_coroutine_threadsafe(calls.finished(), loop).result()
        return result(report, decode)

    def stream(self, code: str) -> Stream:
        """Runs a script, and gives what happens as an async iterator. Its `result` is what came of it."""
        return Stream(self, code)

    def session(self, *, final_answer: bool = False, globals: bool = False) -> Session:
        """An interpreter that keeps its state from one step to the next, until the session is closed.

        `final_answer`: steps may end by `final_answer(value)`. `globals`: tools are globals as well, `name(...)` beside
        `server.name(...)`. The limits are those of the session as a whole, but for `source_bytes` and `result_bytes`, which are those of
        each step; while it waits for a step its time stands still.
        """
        return Session(self._tools, self._mask, self._limits, final_answer=final_answer, globals=globals)


class Stream(AsyncIterator[Event]):
    """A run, as what happens in it."""

    def __init__(self, sandbox: Sandbox, code: str) -> None:
        self._sandbox = sandbox
        self._code = code
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._task: asyncio.Task[Result[Any]] | None = None

    def _started(self) -> asyncio.Task[Result[Any]]:
        if self._task is None:
            self._task = asyncio.create_task(self._sandbox.run(self._code, on_event=self._events.put_nowait))
            self._task.add_done_callback(lambda _: self._events.put_nowait(None))
        return self._task

    async def __anext__(self) -> Event:
        self._started()
        event = await self._events.get()
        if event is None:
            self._events.put_nowait(None)
            raise StopAsyncIteration
        return event

    async def result(self) -> Result[Any]:
        """What came of the script, when it has ended. Raises what `Sandbox.run` raises."""
        return await self._started()

    async def aclose(self) -> None:
        """Stops the script, if it has not ended."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    async def __aenter__(self) -> Stream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _start(
    code: str, limits: dict[str, int], tools: _native.Tools, calls: Calls, *, events: bool, ended: Any
) -> _native.Run:
    try:
        return _native.start(code, limits, tools, calls.invoke, sink=calls.sink, events=events, ended=ended)
    except RuntimeError as error:
        raise EngineError(str(error)) from None
