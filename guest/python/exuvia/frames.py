"""Tells the script's own frames from those of the sandbox: for tracebacks that it prints, and for the lines of its calls."""

import functools
import sys
import traceback

# What the script's code is compiled as.
SCRIPT = "script.py"

# How many frames between the script and a call are looked at.
_DEPTH = 100

_OWN = __file__.rpartition("/")[0] + "/"


def _without_own(walk):
    @functools.wraps(walk)
    def filtered(start):
        for step in walk(start):
            frame = step[0]
            if not frame.f_code.co_filename.startswith(_OWN):
                yield step

    return filtered


def install():
    """Filters where `traceback`, and with it `logging`, walks over frames."""
    for name in ("walk_tb", "walk_stack", "_walk_tb_with_full_positions"):
        setattr(traceback, name, _without_own(getattr(traceback, name)))


def script_line():
    """The line of the script that its innermost frame is at, or 0."""
    frame = sys._getframe(2)
    for _ in range(_DEPTH):
        if frame is None:
            break
        if frame.f_code.co_filename == SCRIPT:
            return frame.f_lineno or 0
        frame = frame.f_back
    return 0
