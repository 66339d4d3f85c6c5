"""What must not come out of the snapshot: state of the build, and randomness that every run would share."""

import asyncio
import atexit
import gc
import linecache
import logging
import os
import sys
import time
import warnings

from exuvia import barred, bindings, chance, frames
from exuvia.frames import SCRIPT

# How many new containers make the collector look for cycles. CPython's own number, 2,000, has scripts that build lists of rows spend a
# quarter of their time on it; what cycles hold counts for the limit on memory either way.
_YOUNG_OBJECTS = 10_000

_argv = sys.argv


def forget_the_build():
    """The last act before the snapshot."""
    os.chdir(barred.WORKSPACE)
    os.environ.clear()
    sys.orig_argv[:] = []
    atexit._clear()
    frames.forget()
    linecache.clearcache()
    sys.last_exc = None
    del sys.last_exc
    for module in list(sys.modules.values()):
        getattr(module, "__dict__", {}).pop("__warningregistry__", None)
    warnings.showwarning = _show_warning
    sys.unraisablehook = _show_unraisable
    # Integers cross as JSON in full length; fuel bounds the time that takes.
    sys.set_int_max_str_digits(0)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)


def renew():
    """The first act of a run."""
    chance.begin()
    bindings.begin()
    # The runtime clears it when the snapshot is made and fills it with the arguments of the process, which has none.
    _argv.append(SCRIPT)
    logging._startTime = time.time_ns()


def _show_warning(message, category, filename, lineno, file=None, line=None):
    place = f"line {lineno}: " if filename == "script.py" else ""
    print(f"{place}{category.__name__}: {message}", file=file or sys.stderr)


def _show_unraisable(unraisable):
    error = unraisable.exc_value
    if not isinstance(error, asyncio.CancelledError):
        print(f"ignored: {type(error).__name__}: {error}", file=sys.stderr)
