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

# How far into its code a frame is asked for its line, in bytes.
_NEAR = 1_000

# The code that made the latest call, and lines of its instructions.
_code = None
_lines = {}

# By the id of code: the code itself, lines that were asked for by place, and the places where lines begin, once they are needed.
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
    _code, _lines, places = _tables.get(id(code)) or _table(code)
    place = frame.f_lasti
    if place < _NEAR:
        line = frame.f_lineno
    else:
        # What a frame says of its line takes as long as the code before it is.
        if not places:
            places.extend(code.co_lines())
        line = places[bisect_right(places, place, key=_start) - 1][2]
    _lines[place] = line or 0
    return line or 0


def _start(place):
    return place[0]


def _table(code):
    if len(_tables) >= _MOST_TABLES:
        _tables.clear()
    table = _tables[id(code)] = code, {}, []
    return table


def forget():
    """Forgets the scripts of the build."""
    global _code
    _code = None
    _tables.clear()
