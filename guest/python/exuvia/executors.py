"""`concurrent.futures` without threads."""

import concurrent.futures
import concurrent.futures._base
import concurrent.futures.thread
import sys
import time
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION

from exuvia import calls, inline

_Future = concurrent.futures.Future
_wait_result = concurrent.futures._base.DoneAndNotDoneFutures


class CallFuture(_Future):
    """The future of a function given to an executor. It is done from the start unless it stands for a call."""

    _pending = None

    def begin(self, call):
        """Makes this the future of a started call."""
        self._tool, self._pending = call.tool, call.pending
        self._id = call.pending.id()
        calls.outstanding[self._id] = self

    def arrived(self):
        pending, self._pending = self._pending, None
        if pending is None:
            return
        try:
            value = calls.take(self._tool, pending)
        except BaseException as error:
            self.set_exception(error)
        else:
            self.set_result(value)

    def cancel(self):
        if self._pending is None:
            return self.cancelled()
        calls.outstanding.pop(self._id, None)
        self._pending = None
        return super().cancel()

    def running(self):
        return self._pending is not None

    def _finish(self, timeout):
        if self._pending is None:
            return
        if timeout is None:
            calls.outstanding.pop(self._id, None)
            self.arrived()
        else:
            _pump_until(self.done, timeout)

    def result(self, timeout=None):
        self._finish(timeout)
        return super().result(0)

    def exception(self, timeout=None):
        self._finish(timeout)
        return super().exception(0)


class Inline(concurrent.futures.Executor):
    """Starts a tool at once and runs any other function at once, in the caller's own thread: the only one."""

    def __init__(self, max_workers=None, thread_name_prefix="", initializer=None, initargs=(), **_ignored):
        self._max_workers = max_workers or 1
        self._futures = []
        self._closed = False
        if max_workers is not None and max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        if initializer is not None:
            initializer(*initargs)

    def submit(self, fn, /, *args, **kwargs):
        if self._closed:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future = CallFuture()
        try:
            value = inline.run(fn, args, kwargs)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            future.set_exception(error)
        else:
            if type(value) is inline.Started:
                future.begin(value)
                self._futures.append(future)
            else:
                future.set_result(value)
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        self._closed = True
        futures, self._futures = self._futures, []
        for future in futures:
            if cancel_futures:
                future.cancel()
            elif wait:
                future._finish(None)


class ThreadPoolExecutor(Inline):
    __doc__ = Inline.__doc__


class ProcessPoolExecutor(Inline):
    __doc__ = Inline.__doc__


class InterpreterPoolExecutor(Inline):
    __doc__ = Inline.__doc__


def _pump_until(done, timeout):
    """Hands out answers until `done()`, or until the time is up or nothing is left that could arrive."""
    end = None if timeout is None else time.monotonic() + timeout
    while not done():
        left = None if end is None else end - time.monotonic()
        if left is not None and left <= 0 or not calls.outstanding:
            return
        calls.pump(left)


def wait(fs, timeout=None, return_when=ALL_COMPLETED):
    """`concurrent.futures.wait`."""
    fs = set(fs)

    def enough():
        done = [future for future in fs if future.done()]
        if return_when == FIRST_COMPLETED and done:
            return True
        if return_when == FIRST_EXCEPTION and any(not f.cancelled() and f.exception() for f in done):
            return True
        return len(done) == len(fs)

    if return_when == ALL_COMPLETED and timeout is None:
        for future in fs:
            future._finish(None) if isinstance(future, CallFuture) else None
    _pump_until(enough, timeout)
    done = {future for future in fs if future.done()}
    return _wait_result(done, fs - done)


def as_completed(fs, timeout=None):
    """`concurrent.futures.as_completed`: in the order in which the answers arrive."""
    arrived = []
    futures = set(fs)
    for future in futures:
        # Called at once for a future that is done already.
        future.add_done_callback(arrived.append)
    end = None if timeout is None else time.monotonic() + timeout
    for count in range(len(futures)):
        _pump_until(lambda: arrived, None if end is None else max(0, end - time.monotonic()))
        if not arrived:
            raise TimeoutError(f"{len(futures) - count} (of {len(futures)}) futures unfinished")
        yield arrived.pop(0)


def install():
    """Puts these in the place of the standard ones."""
    package = concurrent.futures
    package.ThreadPoolExecutor = package.thread.ThreadPoolExecutor = ThreadPoolExecutor
    package.ProcessPoolExecutor = ProcessPoolExecutor
    package.InterpreterPoolExecutor = InterpreterPoolExecutor
    if "concurrent.futures.process" in sys.modules:
        package.process.ProcessPoolExecutor = ProcessPoolExecutor
    for module in (package, package._base):
        module.wait, module.as_completed = wait, as_completed
