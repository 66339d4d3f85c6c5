"""`asyncio.gather` of started calls and nothing else: each counts itself as answered. With callbacks, each would go through the loop."""

import asyncio
from asyncio.tasks import _GatheringFuture

from exuvia import calls
from exuvia.started import Call

_CALLS = frozenset({Call})


class _Together(_GatheringFuture):
    def __init__(self, children, loop, return_exceptions):
        super().__init__(children, loop=loop)
        self._left = len(children)
        self._return_exceptions = return_exceptions

    def ended(self, call):
        """One of the calls has its answer, or was cancelled."""
        self._left -= 1
        # Asking for an error counts as having seen it.
        error = call._make_cancelled_error() if call.cancelled() else call.exception()
        if error is None and self._left or self.done():
            return
        if error is not None and not self._return_exceptions:
            self.set_exception(error)
        elif self._left == 0:
            if self._cancel_requested:
                self.set_exception(call._make_cancelled_error())
            else:
                self.set_result([_outcome(child) for child in self._children])


def _outcome(call):
    if call.cancelled():
        return asyncio.CancelledError(call._cancel_message or "")
    error = call.exception()
    return call.result() if error is None else error


def gather(given, return_exceptions=False):
    """The future of these, or None if they are not calls of the running loop that nobody else gathers."""
    if not given or not _CALLS.issuperset(map(type, given)):
        return None
    loop = asyncio.events._get_running_loop()
    for call in given:
        if call._gathered is not None or call.done() or call.get_loop() is not loop:
            return None
    if len(set(given)) < len(given):
        return None
    gathered = _Together(list(given), loop, return_exceptions)
    for call in given:
        calls.loose.pop(call._id, None)
        call._gathered = gathered
    return gathered
