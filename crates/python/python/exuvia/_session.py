"""Sessions: an interpreter that keeps its state from one step to the next."""

from __future__ import annotations

import asyncio
import importlib.resources
import json
import os
import queue
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar, overload

from . import _native
from ._calls import Calls, OnEvent, background_loop, settled
from ._errors import EngineError, LimitReached, ResultTooLarge, SandboxError, ScriptError, SourceTooLarge
from ._outcome import decoded, result, script_error
from ._protocol import Answer, Described, Report
from ._results import Call, StepResult
from ._schema import Decode, decoder, encode, parse
from ._tools import ToolSet

__all__ = ["Session"]

T = TypeVar("T")

_SERVER = "exuvia_session"
_ANY = json.dumps({"type": "object"})
_NEXT: Described = ("next", None, json.dumps({"type": "object", "properties": {"ended": {}}}), _ANY, True, True)


def _driver() -> str:
    """The script that runs the steps. Its frames are the guest's own, so that no error shows them."""
    source = importlib.resources.files(__package__).joinpath("_driver.py").read_text("utf-8")
    return (
        "from exuvia import frames as _frames\n"
        f"exec(compile({source!r}, _frames._OWN + 'session.py', 'exec'), {{'__name__': 'exuvia.session', 'mcp': mcp}})\n"
    )


class _Waiter(Protocol):
    """Called with the end of a step, on any thread."""

    def __call__(self, ended: _Ended, /) -> None: ...


class _Ended:
    """The end of a step, or of the session."""

    def __init__(self, told: dict[str, Any] | None, report: Report | None, logs: str, calls: list[Call]) -> None:
        self.told = told
        self.report = report
        self.logs = logs
        self.calls = tuple(calls)


class _Step:
    """What has happened in the step that runs."""

    def __init__(self) -> None:
        self.logs: list[str] = []
        self.calls: list[Call] = []
        self.out: dict[int, tuple[str, str]] = {}

    def ended(self, told: dict[str, Any] | None, report: Report | None) -> _Ended:
        return _Ended(told, report, "".join(self.logs), self.calls)


class Session:
    """An interpreter that keeps its state from one step to the next.

    One step at a time, 10,000 at most. A session holds one of the engine's places for runs, and its memory, until it is closed. A limit that
    stops a step ends the session; later steps raise `EngineError`. A step whose source or result is too large leaves it.
    """

    def __init__(
        self, tools: ToolSet, mask: bool, limits: dict[str, int], *, final_answer: bool, globals: bool
    ) -> None:
        self._tools = tools
        self._mask = mask
        self._limits = limits
        self._final_answer = final_answer
        self._globals = {
            tool.name: (server, tool.name) for server, listed in tools.servers.items() for tool in listed if globals
        }
        self._run: _native.Run | None = None
        self._calls: Calls | None = None
        self._reply: _native.Reply | None = None
        self._todo: str | None = None
        self._waiter: _Waiter | None = None
        self._step = _Step()
        self._is_over = False
        self._pid = os.getpid()
        self._ended: queue.SimpleQueue[None] = queue.SimpleQueue()

    @property
    def is_over(self) -> bool:
        """Whether it was closed, or a limit has ended it."""
        return self._is_over

    @overload
    async def run(
        self, code: str, *, inputs: Mapping[str, Any] | None = None, on_event: OnEvent | None = None
    ) -> StepResult[Any]: ...
    @overload
    async def run(
        self,
        code: str,
        *,
        returns: type[T],
        inputs: Mapping[str, Any] | None = None,
        on_event: OnEvent | None = None,
    ) -> StepResult[T]: ...
    async def run(
        self,
        code: str,
        *,
        returns: Any = Any,
        inputs: Mapping[str, Any] | None = None,
        on_event: OnEvent | None = None,
    ) -> StepResult[Any]:
        """Runs a step. `inputs` become its globals. Cancelling the task ends the session.

        Raises a `SandboxError` if the step comes to no result; after a `ScriptError` the session goes on. Returns when the calls of the step have
        ended.
        """
        loop = asyncio.get_running_loop()
        decode = None if returns is Any else decoder(returns)
        done: asyncio.Future[_Ended] = loop.create_future()

        def waiter(ended: _Ended) -> None:
            loop.call_soon_threadsafe(done.set_result, ended)

        calls = Calls(self._tools, self._mask, loop, on_event)
        self._begin(code, inputs, waiter, calls)
        try:
            await asyncio.shield(done)
            await calls.finished()
        except asyncio.CancelledError:
            self.close()
            await settled(done)
            await calls.finished()
            raise
        return self._result(done.result(), decode)

    @overload
    def run_sync(
        self, code: str, *, inputs: Mapping[str, Any] | None = None, on_event: OnEvent | None = None
    ) -> StepResult[Any]: ...
    @overload
    def run_sync(
        self,
        code: str,
        *,
        returns: type[T],
        inputs: Mapping[str, Any] | None = None,
        on_event: OnEvent | None = None,
    ) -> StepResult[T]: ...
    def run_sync(
        self,
        code: str,
        *,
        returns: Any = Any,
        inputs: Mapping[str, Any] | None = None,
        on_event: OnEvent | None = None,
    ) -> StepResult[Any]:
        """The same, for synchronous code."""
        decode = None if returns is Any else decoder(returns)
        loop = background_loop() if self._tools.has_async else None
        done: queue.SimpleQueue[_Ended] = queue.SimpleQueue()
        calls = Calls(self._tools, self._mask, loop, on_event, is_background=True)
        self._begin(code, inputs, done.put, calls)
        try:
            ended = done.get()
        except BaseException:
            self.close()
            self._wait()
            raise
        finally:
            if loop is not None:
                asyncio.run_coroutine_threadsafe(calls.finished(), loop).result()
        return self._result(ended, decode)

    def _begin(self, code: str, inputs: Mapping[str, Any] | None, waiter: _Waiter, calls: Calls) -> None:
        if self._pid != os.getpid():
            raise EngineError("the session belongs to the process that began it: begin another one")
        if self._is_over:
            raise EngineError("the session is over: begin another one")
        if self._waiter is not None:
            raise EngineError("the session runs a step already")
        advice = "fetch data with tools instead of writing it out"
        self._check_size(code, "source_bytes", SourceTooLarge, "the step", advice)
        todo = {
            "code": code,
            "inputs": dict(inputs or {}),
            "globals": self._globals,
            "final_answer": self._final_answer,
        }
        text = encode(todo)
        self._waiter, self._step, self._calls = waiter, _Step(), calls
        if self._run is None:
            self._todo = text
            self._run = self._start()
        elif self._reply is not None:
            reply, self._reply = self._reply, None
            reply.resolve(("ok", text, None))

    def _start(self) -> _native.Run:
        native = self._tools.native_with(_SERVER, [_NEXT])
        # What is the engine's script is the driver.
        limits = self._limits | {"source_bytes": 1 << 20}
        try:
            # The engine must not keep a session that nobody has any more.
            run = _native.start(
                _driver(), limits, native, _weak(self._invoke), sink=_weak(self._sink), events=True, ended=_weak(self._over)
            )
        except RuntimeError as error:
            self._is_over = True
            raise EngineError(str(error)) from None
        weakref.finalize(self, run.cancel)
        return run

    def _invoke(self, place: int, arguments: str) -> Answer:
        assert self._calls is not None
        return self._calls.invoke(place - 1, arguments)

    def _sink(self, messages: list[tuple[Any, ...]]) -> None:
        """Takes messages of the run, in order. On a thread of the engine."""
        passed: list[tuple[Any, ...]] = []
        for message in messages:
            match message:
                case ("begin", _, 0, arguments, reply):
                    self._pass_on(passed)
                    self._next(arguments, reply)
                    continue
                case ("begin", call, place, arguments, reply):
                    message = ("begin", call, place - 1, arguments, reply)
                case ("log", _, text):
                    self._step.logs.append(text)
                case ("call", id, server, tool):
                    if server == _SERVER:
                        continue
                    self._step.out[id] = (server, tool)
                case ("ended", id, outcome, ms):
                    name = self._step.out.pop(id, None)
                    if name is None:
                        continue
                    self._step.calls.append(Call(*name, outcome, ms))
            passed.append(message)
        self._pass_on(passed)

    def _pass_on(self, messages: list[tuple[Any, ...]]) -> None:
        if messages and self._calls is not None:
            self._calls.sink(messages.copy())
        messages.clear()

    def _next(self, arguments: str, reply: _native.Reply) -> None:
        """The guest asks for a step, and says what came of the one before."""
        if self._todo is not None:
            todo, self._todo = self._todo, None
            reply.resolve(("ok", todo, None))
            return
        self._reply = reply
        try:
            told = parse(arguments)["ended"]
        except (ValueError, KeyError):
            # Not the driver's words.
            told = None
        self._tell(told if isinstance(told, dict) else {}, None)

    def _over(self, report: Report) -> None:
        """The run has ended. On a thread of the engine."""
        self._is_over = True
        fuel, memory_bytes, ms, _ = report["usage"]
        report["calls"] = [call for call in report["calls"] if call[0] != _SERVER]
        report["usage"] = (fuel, memory_bytes, ms, len(report["calls"]))
        self._tell(None, report)
        self._ended.put(None)

    def _tell(self, told: dict[str, Any] | None, report: Report | None) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter(self._step.ended(told, report))

    def _result(self, ended: _Ended, decode: Decode | None) -> StepResult[Any]:
        if ended.told is None:
            assert ended.report is not None
            raise _of_session(ended)
        match ended.told:
            case {"value": str(text), "is_final": bool(is_final)}:
                advice = "return a summary or the part that is needed"
                self._check_size(text, "result_bytes", ResultTooLarge, "the result", advice, logs=ended.logs, calls=ended.calls)
                value = decoded(text, decode, logs=ended.logs, calls=ended.calls, usage=None)
                return StepResult(value, ended.logs, ended.calls, is_final)
            case {"error": [str(kind), str(message), int() | None as line, str(excerpt), str() | None as hint], **others}:
                raise script_error(
                    (kind, message, line, excerpt, hint),
                    is_denied=others.get("is_denied") is True,
                    logs=ended.logs,
                    calls=ended.calls,
                    usage=None,
                )
            case _:
                raise ScriptError(
                    "the script interfered with its session", kind="crashed", logs=ended.logs, calls=ended.calls
                )

    def _check_size(self, text: str, limit: str, kind: type[LimitReached], what: str, advice: str, **kept: Any) -> None:
        size, allowed = len(text.encode(errors="surrogatepass")), self._limits[limit]
        if size > allowed:
            raise kind(f"{what} is {size} bytes, {limit} allows {allowed}: {advice}", limit=limit, **kept)

    def close(self) -> None:
        """Ends the session, and a step that runs. May be called more than once, and on any thread."""
        self._is_over = True
        if self._run is not None:
            self._run.cancel()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._wait()

    def _wait(self) -> None:
        """Waits until its run has ended. In the child of a fork it does not."""
        if self._run is not None and self._pid == os.getpid():
            self._ended.get()
            self._ended.put(None)

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
        await asyncio.to_thread(self._wait)


def _of_session(ended: _Ended) -> Exception:
    """The error of a step that ended its session."""
    assert ended.report is not None
    try:
        result(ended.report, None)
    except SandboxError as error:
        error.logs, error.calls = ended.logs, ended.calls
        return error
    return EngineError("the session was left by its script: begin another one")


def _weak(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method, for as long as its object is there."""
    reference = weakref.WeakMethod(method)

    def call(*arguments: Any) -> Any:
        found = reference()
        return None if found is None else found(*arguments)

    return call
