"""Calls of tools: plain ones on threads of the engine, async ones on the loop of whoever runs the script."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections.abc import Callable
from typing import Any

from . import _native
from ._errors import EngineError
from ._protocol import Answer
from ._results import Event, event
from ._tools import ToolSet

OnEvent = Callable[[Event], None]


class Calls:
    """The calls of one run."""

    def __init__(
        self,
        tools: ToolSet,
        mask: bool,
        loop: asyncio.AbstractEventLoop | None,
        on_event: OnEvent | None,
        *,
        is_background: bool = False,
    ) -> None:
        """`loop`: where async tools run. `is_background`: it is not that of the caller, who is notified of events on the engine's threads."""
        self._tools = tools.bound
        self._is_background = is_background
        self._mask = mask
        self._loop = loop
        self._on_event = on_event
        self._context = contextvars.copy_context()
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def invoke(self, place: int, arguments: str) -> Answer:
        """Calls a plain tool. On a thread of the engine."""
        return self._context.copy().run(self._tools[place].call, arguments, self._mask)

    def sink(self, messages: list[tuple[Any, ...]]) -> None:
        """Takes messages of the run. On a thread of the engine, in order."""
        if self._loop is None or self._is_background:
            for message in messages:
                self.tell(message)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.take, messages)

    def take(self, messages: list[tuple[Any, ...]]) -> None:
        """Takes messages on the loop."""
        for message in messages:
            match message:
                case ("begin", call, place, arguments, reply):
                    self._begin(call, place, arguments, reply)
                case ("drop", call):
                    if task := self._tasks.get(call):
                        task.cancel()
                case _ if not self._is_background:
                    self.tell(message)

    def tell(self, message: tuple[Any, ...]) -> None:
        """Tells of an event."""
        told = event(message)
        if told is None or self._on_event is None:
            return
        try:
            self._context.run(self._on_event, told)
        except Exception as error:
            # The messages behind this one have to be taken: calls are among them.
            if self._loop is None or self._is_background:
                _native.unraisable(error, self._on_event)
            else:
                self._loop.call_exception_handler({"message": f"{self._on_event!r} raised", "exception": error})

    def _begin(self, call: int, place: int, arguments: str, reply: _native.Reply) -> None:
        # Where tools are async there is a loop.
        assert self._loop is not None
        task = self._loop.create_task(self._answer(place, arguments, reply), context=self._context.copy())
        self._tasks[call] = task
        task.add_done_callback(lambda _: self._tasks.pop(call, None))

    async def _answer(self, place: int, arguments: str, reply: _native.Reply) -> None:
        answer: Answer = ("unavailable", "the tool was cancelled", None)
        try:
            answer = await self._tools[place].call_async(arguments, self._mask)
        finally:
            reply.resolve(answer)

    async def finished(self) -> None:
        """Waits for the calls that are still out. They have been cancelled."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))


async def settled(future: asyncio.Future[Any]) -> None:
    """Waits for a future, whatever cancels the waiting: what it waits for ends soon."""
    while not future.done():
        try:
            await asyncio.shield(future)
        except asyncio.CancelledError:
            continue


class _Background:
    """A loop on a thread of its own: where async tools run that are called from synchronous code."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="exuvia-tools", daemon=True)
        self.thread.start()


_background: _Background | None = None
_lock = threading.Lock()


def background_loop() -> asyncio.AbstractEventLoop:
    """The loop for synchronous code, one for each process. Raises EngineError in code that runs on it."""
    global _background
    with _lock:
        if _background is None or _background.pid != os.getpid():
            _background = _Background()
        if _background.thread is threading.current_thread():
            raise EngineError("run_sync would wait for itself in an async tool of run_sync: await run there")
        return _background.loop


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    _native.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
