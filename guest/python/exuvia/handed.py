"""What asyncio runs side by side may be a call, or the plain value of a call that blocked."""

import asyncio
import asyncio.tasks
import functools

from exuvia import calls, together
from exuvia.started import Call, is_plain


def handed(value):
    """What asyncio can wait for in the place of `value`."""
    if type(value) is Call:
        calls.loose.pop(value._id, None)
    elif is_plain(value):
        future = asyncio.get_event_loop().create_future()
        future.set_result(value)
        return future
    return value


def _gather(function):
    @functools.wraps(function)
    def wrapper(*given, **options):
        future = together.gather(given, **options)
        return function(*map(handed, given), **options) if future is None else future

    return wrapper


def _first(function):
    @functools.wraps(function)
    def wrapper(*given, **options):
        return function(*map(handed, given[:1]), *given[1:], **options)

    return wrapper


def _elements(function):
    @functools.wraps(function)
    def wrapper(fs, *given, **options):
        if not (asyncio.isfuture(fs) or asyncio.iscoroutine(fs)):
            fs = [handed(value) for value in fs]
        return function(fs, *given, **options)

    return wrapper


def install():
    """Puts these in the place of asyncio's own."""
    for wrapped, names in (
        (_gather, ["gather"]),
        (_first, ["wait_for", "shield", "ensure_future"]),
        (_elements, ["wait", "as_completed"]),
    ):
        for name in names:
            wrapper = wrapped(getattr(asyncio.tasks, name))
            for module in (asyncio, asyncio.tasks):
                setattr(module, name, wrapper)
