"""Tells the script's own frames from those of the sandbox: for tracebacks that it prints, and for the lines of its calls."""

import functools
import traceback
from bisect import bisect_right
from sys import _getframe

# What the script's code is compiled as.
SCRIPT = "script.py"

# How many frames between the script and a call are looked at, and for how much code lines are kept.
_DEPTH = 100
_MOST_TABLES = 1_000

# The code that made the latest call, and lines of its instructions.
_code = None
_lines = {}

# By the id of code: the code itself, lines that were asked for, and where its lines begin.
_tables = {}

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
    """The line of the script that makes a call, or 0: for the functions that a tool calls."""
    frame = _getframe(3)
    line = _lines.get(frame.f_lasti) if frame.f_code is _code else None
    return _looked_up(frame) if line is None else line


def _looked_up(frame):
    global _code, _lines
    for _ in range(_DEPTH):
        if frame is None:
            return 0
        code = frame.f_code
        if code.co_filename == SCRIPT:
            break
        frame = frame.f_back
    else:
        return 0
    # What a frame says of its line takes as long as its code is.
    _code, _lines, starts, numbers = _tables.get(id(code)) or _table(code)
    line = _lines[frame.f_lasti] = numbers[bisect_right(starts, frame.f_lasti) - 1] or 0
    return line


def _table(code):
    if len(_tables) >= _MOST_TABLES:
        _tables.clear()
    lines = list(code.co_lines())
    table = code, {}, [start for start, _end, _line in lines], [line for _start, _end, line in lines]
    _tables[id(code)] = table
    return table


def forget():
    """Forgets the scripts of the build."""
    global _code
    _code = None
    _tables.clear()
