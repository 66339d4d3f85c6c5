"""Calls that are refused here, before the host is asked. Where a script catches that and goes on, a line in its log is the only trace."""

import linecache
import opcode
from itertools import islice
from json.encoder import encode_basestring
from sys import _getframe

from exuvia import frames, output

# How many lines of a script are kept, how many of these are told, and how much of a message.
_MOST_LINES = 20
_TOLD_LINES = 3
_MESSAGE_CHARACTERS = 300

# How many frames between a call and the script are looked at.
_DEPTH = 100

_CALL = opcode.opmap["CALL"]
_ARGUMENTS_WITH_DEFAULT = 3

# What was refused, by the line of the script: the message of the first time, and how often. Empty where nothing was.
found = {}

# Lines whose message the script printed itself.
_printed = set()


def arguments(error):
    """Notes that the arguments of a call do not fit."""
    frame = _getframe(1)
    for _ in range(_DEPTH):
        if frame is None or frame.f_code.co_filename == frames.SCRIPT:
            break
        frame = frame.f_back
    else:
        frame = None
    _note(error, frame)


def lookup(error):
    """Notes that a server or tool does not exist, unless the script only looks whether it does. The error."""
    frame = _getframe(1)
    asked = frame.f_code.co_filename
    while frame is not None and frame.f_code.co_filename == asked:
        frame = frame.f_back
    # The standard library looks for attributes of all kinds.
    if frame is not None and frame.f_code.co_filename == frames.SCRIPT and not _is_probe(frame):
        _note(error, frame)
    return error


def _is_probe(frame):
    """Whether the frame stands at `hasattr(crm, name)` or `getattr(crm, name, default)`."""
    code, place = frame.f_code, frame.f_lasti
    operation, count = code.co_code[place : place + 2]
    if operation != _CALL:
        return False
    line, _, column, _ = next(islice(code.co_positions(), place // 2, None))
    return count == _ARGUMENTS_WITH_DEFAULT or _line(line).encode()[column:].startswith(b"hasattr")


def _line(number):
    """A line of the script. `linecache.getline` would look for a file of its name first."""
    kept = linecache.cache.get(frames.SCRIPT, ((lambda: ""),))
    lines = kept[0]().splitlines() if len(kept) == 1 else kept[2]
    return lines[number - 1] if number and number <= len(lines) else ""


def _note(error, frame):
    line = (frame.f_lineno if frame is not None else None) or 0
    if line in found:
        found[line][1] += 1
    elif len(found) < _MOST_LINES:
        output.heard = _hear
        found[line] = [_message(error), 1]


def _message(error):
    given = BaseException.args.__get__(error)
    text = " ".join(given[0].split()) if given and type(given[0]) is str else type(error).__name__
    return text if len(text) <= _MESSAGE_CHARACTERS else f"{text[:_MESSAGE_CHARACTERS]}..."


def _problem(message):
    """What a script shows that shows the error in part."""
    return message.partition(";")[0]


def _hear(text):
    """The script prints this."""
    for line, (message, _times) in found.items():
        if _problem(message) in text:
            _printed.add(line)


def tell(result):
    """Tells in the log what was refused and caught, but for what the script shows itself. `result` is its result as JSON."""
    untold = [
        (line, message, times)
        for line, (message, times) in found.items()
        if line not in _printed and encode_basestring(_problem(message))[1:-1] not in result
    ]
    forget()
    if not untold:
        return
    text = "".join(_sentence(*one) for one in untold[:_TOLD_LINES])
    if more := [str(line) for line, _message, _times in untold[_TOLD_LINES:]]:
        text += f"note: calls were refused on line{'s' if len(more) > 1 else ''} {', '.join(more)} as well\n"
    for stream in (output.stdout, output.stderr):
        if stream._pending:
            stream.write("\n")
    output.stderr.write(text)


def _sentence(line, message, times):
    where = f" on line {line}" if line else ""
    often = f" {times} times" if times > 1 else ""
    return f"note{where}: this call was refused{often}, and the script caught that: {message}\n"


def forget():
    """Forgets what was refused: the script is over."""
    found.clear()
    _printed.clear()
    output.heard = None
