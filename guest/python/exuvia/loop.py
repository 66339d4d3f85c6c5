"""asyncio on the host's `wait`.

Loops may nest: `asyncio.run` inside async code runs to its end while the outer loop stands still. CPython forbids that to
keep a program responsive; a script has nobody to respond to, and the error would cost its author a turn.
"""

import asyncio
import asyncio.base_events
import asyncio.base_futures
import asyncio.coroutines
import asyncio.events
import asyncio.futures
import asyncio.runners
import asyncio.tasks
import asyncio.threads
import inspect
import sys
import types

import _asyncio

from exuvia import calls, handed, inline, started
from exuvia.started import Call, is_plain, value_of

_SCRIPT = "script.py"


class _Selector:
    """Stands where a loop asks the operating system for events. The events of a script are answers."""

    def __init__(self, loop):
        self._loop = loop

    def select(self, timeout):
        if calls.outstanding:
            calls.pump(timeout)
        elif timeout is None:
            raise _deadlock(self._loop)
        elif timeout > 0:
            calls.pump(timeout)
        return ()

    def close(self):
        """Nothing is held."""


def _deadlock(loop):
    lines = sorted({line for task in asyncio.all_tasks(loop) if (line := _waiting_line(task)) is not None})
    where = f" at line {', '.join(map(str, lines[:5]))}" if lines else ""
    error = RuntimeError(f"deadlock: every task waits{where}, and no call or timer is left that could wake one")
    error.script_line = lines[0] if lines else None
    return error


def _waiting_line(task):
    """The innermost line of the script at which a task is suspended."""
    line, waiting = None, task.get_coro()
    while waiting is not None:
        frame = getattr(waiting, "cr_frame", None)
        if frame is not None and frame.f_code.co_filename == _SCRIPT:
            line = frame.f_lineno
        waiting = getattr(waiting, "cr_await", None)
    return line


class ScriptLoop(asyncio.base_events.BaseEventLoop):
    """The event loop of a script."""

    def __init__(self):
        super().__init__()
        self._selector = _Selector(self)

    def _process_events(self, events):
        pass

    def _write_to_self(self):
        pass

    def create_task(self, coro, **options):
        if type(coro) is Call:
            coro = _awaiting(handed.handed(coro))
        elif is_plain(coro):
            coro = _value(coro)
        return super().create_task(coro, **options)

    def run_in_executor(self, executor, func, *args):
        from exuvia.executors import Inline

        if executor is not None and not isinstance(executor, Inline):
            return super().run_in_executor(executor, func, *args)
        future = self.create_future()
        try:
            value = inline.run(func, args, {})
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            future.set_exception(error)
        else:
            if type(value) is inline.Started:
                return Call(value.tool, (value.pending, value.line), self)
            future.set_result(value)
        return future

    def call_exception_handler(self, context):
        if self._exception_handler is not None:
            return super().call_exception_handler(context)
        error = context.get("exception")
        if isinstance(context.get("future"), Call) or error is None:
            return None
        print(f"{context['message']}: {type(error).__name__}: {error}", file=sys.stderr)

    def run_until_complete(self, future):
        if is_plain(future):
            return future
        if self.is_running():
            return self._run_inside_itself(future)
        with inline.aside():
            value = super().run_until_complete(future)
            self._finish_forgotten()
        return value

    def run_forever(self):
        with inline.aside():
            super().run_forever()

    def _run_inside_itself(self, future):
        future = asyncio.ensure_future(future, loop=self)
        # The iteration that is under way has counted the handles it will run; it must find as many.
        owed = len(self._ready)
        task = _asyncio._swap_current_task(self, None)
        try:
            while not future.done():
                self._run_once()
        finally:
            _asyncio._swap_current_task(self, task)
            spent = asyncio.Handle(int, (), self)
            spent.cancel()
            self._ready.extend([spent] * (owed - len(self._ready)))
        return future.result()

    def _finish_forgotten(self):
        """Calls that no code waits for are done as plain code would have done them, errors included."""
        for call in list(calls.outstanding.values()):
            if type(call) is Call and call.get_loop() is self and not call._callbacks and call._gathered is None:
                value_of(call)
        unseen = [call for call in started.failed if call.get_loop() is self and call._log_traceback]
        started.failed.clear()
        if unseen:
            error = unseen[0].exception()
            error.never_awaited = True
            raise error


# A loop that was made before the snapshot.
_spare = None


def make_spare():
    """Makes the loop of the first who needs one."""
    global _spare
    _spare = ScriptLoop()


class _Policy(asyncio.events._BaseDefaultEventLoopPolicy):
    """Makes `asyncio.get_event_loop()` give a loop where there is none yet, as it did for many years."""

    @staticmethod
    def _loop_factory():
        global _spare
        loop, _spare = _spare or ScriptLoop(), None
        return loop

    def get_event_loop(self):
        if self._local._loop is None or self._local._loop.is_closed():
            self.set_event_loop(self.new_event_loop())
        return self._local._loop


class Runner(asyncio.runners.Runner):
    """`asyncio.Runner` that may be used inside async code."""

    def run(self, coro, *, context=None):
        with inline.aside():
            self._lazy_init()
            coro = _coroutine(coro)
            task = self._loop.create_task(coro, context=context or self._context)
            return self._loop.run_until_complete(task)

    def close(self):
        loop = self._loop
        if loop is None or loop._ready or loop._asyncgens or loop._default_executor is not None or asyncio.all_tasks(loop):
            return super().close()
        # Nothing is left that two more turns of the loop would end.
        loop._asyncgens_shutdown_called = loop._executor_shutdown_called = True
        if self._set_event_loop:
            asyncio.set_event_loop(None)
        loop.close()
        self._loop, self._state = None, asyncio.runners._State.CLOSED


def run(main, *, debug=None, loop_factory=None):
    """Runs a coroutine to its end."""
    if asyncio.isfuture(main):
        # asyncio.run(asyncio.gather(...)): only its own loop can end it.
        return main.get_loop().run_until_complete(main)
    with Runner(debug=debug, loop_factory=loop_factory) as runner:
        value = runner.run(main)
        _tell_of_unfinished(runner.get_loop())
        return value


def _tell_of_unfinished(loop):
    unfinished = sum(type(task.get_coro()) is types.CoroutineType for task in asyncio.all_tasks(loop))
    if unfinished:
        print(f"unfinished tasks cancelled at the end: {unfinished}", file=sys.stderr)


def _coroutine(main):
    if asyncio.iscoroutine(main):
        return main
    if inspect.isawaitable(main):
        return _awaiting(main)
    if inspect.iscoroutinefunction(main):
        raise TypeError(f"asyncio.run needs a coroutine: write asyncio.run({main.__name__}())")
    if is_plain(main) or isinstance(main, tuple):
        # asyncio.run(crm.get_contacts()): plain code has the value already.
        return _value(main)
    raise TypeError(f"asyncio.run needs a coroutine, not {type(main).__name__}")


async def _awaiting(awaitable):
    return await awaitable


async def _value(value):
    return value


async def _to_thread(func, /, *args, **kwargs):
    """Starts a tool, or runs another function at once: there are no threads."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, lambda: inline.run(func, args, kwargs))


def _isfuture(value):
    # CPython's own asks `value.__class__`, which for a Call waits for the answer.
    kind = type(value)
    return hasattr(kind, "_asyncio_future_blocking") and value._asyncio_future_blocking is not None


def _asks_the_type(check):
    return lambda value: type(value) is not Call and check(value)


def install():
    """Puts these in the place of asyncio's own."""
    asyncio.events._set_event_loop_policy(_Policy())
    asyncio.SelectorEventLoop = asyncio.EventLoop = ScriptLoop
    for module in (asyncio, asyncio.runners):
        module.run, module.Runner = run, Runner
    for module in (asyncio, asyncio.threads):
        module.to_thread = _to_thread
    for module in (asyncio, asyncio.base_futures, asyncio.futures):
        module.isfuture = _isfuture
    handed.install()
    is_coroutine = _asks_the_type(asyncio.iscoroutine)
    for module in (asyncio, asyncio.coroutines):
        module.iscoroutine = is_coroutine
    is_awaitable = inspect.isawaitable
    inspect.isawaitable = lambda value: type(value) is Call or is_awaitable(value)
