"""An exception, told in the script's own terms: its lines, never a frame of the sandbox."""

import traceback

from wit_world import ScriptError

from exuvia import hints
from exuvia.errors import ToolDenied
from exuvia.frames import SCRIPT
from exuvia.output import printable

_MAX_MESSAGE_CHARACTERS = 4000
_MAX_LINE_CHARACTERS = 200
_MAX_CALLERS = 6
_MAX_CAUSES = 3
_MAX_GROUP = 5
_MAX_LEAVES = 1000


def message_of(error):
    """`str(error)`, bounded, whatever the exception's own code does."""
    try:
        text = str.__str__(str(error))
    except BaseException as broken:
        text = f"<its message cannot be shown: {type(broken).__name__}>"
    return printable(_cut(text, _MAX_MESSAGE_CHARACTERS))


def kind_of(error):
    """The name of the exception's class."""
    return printable(_cut(type.__dict__["__name__"].__get__(type(error)), _MAX_LINE_CHARACTERS))


def leaves(error):
    """The exceptions of a group, or the exception itself: in order, the first of them only where there are very many."""
    found, left = [], [error]
    # No recursion: a script may nest groups as deep as its memory allows.
    while left and len(found) < _MAX_LEAVES:
        inner = left.pop()
        if isinstance(inner, BaseExceptionGroup):
            left.extend(reversed(inner.exceptions))
        else:
            found.append(inner)
    return found


def denial(error):
    """The denied call that left the script, alone or in a group."""
    return next((leaf for leaf in leaves(error) if isinstance(leaf, ToolDenied)), None)


def describe(error, script):
    """What the host is told of an exception that left the script."""
    try:
        if isinstance(error, SyntaxError) and not _frames(error):
            return _describe_syntax(error, script)
        return _describe(error, script)
    except MemoryError:
        raise
    except BaseException as broken:
        # Hints and excerpts look at objects that the script made; whatever these do, the error itself is told.
        return ScriptError(kind_of(error), message_of(error), None, f"(no excerpt: {type(broken).__name__})", None)


def _describe(error, script):
    main = leaves(error)[0]
    frames = _own_frames(main, script)
    if not frames or getattr(main, "never_awaited", False):
        frames = [] if _line_without_frame(main) else _own_frames(error, script)
    line = frames[-1][1] if frames else _line_without_frame(main)
    parts = []
    if line is not None:
        parts += excerpt(script.lines, line, _end_line(frames))
        parts += _callers(frames[:-1], script.lines)
    if script.is_further:
        parts += _earlier(main, script)
    parts += _notes(main) + _group(error, main) + _causes(main)
    return ScriptError(kind_of(error), message_of(error), line, printable("\n".join(parts)), _hint(main, script, frames))


def _line_without_frame(error):
    """Where a call was started whose error reached the script elsewhere."""
    line = getattr(error, "script_line", None)
    return line if type(line) is int else None


def _hint(error, script, frames):
    if getattr(error, "never_awaited", False):
        return "this call was never awaited: write `await` before it"
    try:
        frame, _line, position = frames[-1] if frames else (None, None, None)
        text = hints.hint(error, hints.Fault(script, frame, position))
    except MemoryError:
        raise
    except BaseException:
        return None
    return printable(text) if text else None


def _frames(error):
    """The script's own frames, outermost first: (frame, line, place of the expression)."""
    found = []
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        if code.co_filename == SCRIPT and step.tb_lineno is not None:
            found.append((step.tb_frame, step.tb_lineno, traceback._get_code_position(code, step.tb_lasti)))
        step = step.tb_next
    return found


def _end_line(frames):
    if frames and frames[-1][2] and frames[-1][2][1]:
        return frames[-1][2][1]
    return None


def _own_frames(error, script):
    """Those of the script that runs, and not of functions that an earlier script of its instance has defined."""
    frames = _frames(error)
    return [frame for frame in frames if script.owns(frame[0].f_code)] if script.is_further else frames


def _earlier(error, script):
    """Where it was raised, if that is in a function of an earlier script."""
    frames = _frames(error)
    if not frames or script.owns(frames[-1][0].f_code):
        return []
    return [f"  raised in {_cut(frames[-1][0].f_code.co_name, _MAX_LINE_CHARACTERS)}, of an earlier script of the session"]


def excerpt(lines, line, end_line=None):
    """The lines at fault, marked, with one line on either side."""
    last = min(max(end_line or line, line), line + 2)
    shown = range(max(1, line - 1), min(len(lines), last + 1) + 1)
    width = len(str(shown[-1])) if shown else 1
    return [
        f"{'>' if line <= number <= last else ' '} {number:>{width}} | {_cut(lines[number - 1], _MAX_LINE_CHARACTERS)}"
        for number in shown
        if lines[number - 1].strip() or number == line
    ]


def _callers(frames, lines):
    """`called from line 12 in main: rows = report(data)`, innermost first."""
    told = []
    frames = frames[::-1]
    if len(frames) > _MAX_CALLERS:
        half = _MAX_CALLERS // 2
        skipped = len(frames) - 2 * half
        frames = [*frames[:half], skipped, *frames[-half:]]
    for entry in frames:
        if isinstance(entry, int):
            told.append(f"  ... {entry} more calls ...")
            continue
        frame, line, _place = entry
        name = frame.f_code.co_name
        where = "" if name == "<module>" else f" in {name}"
        source = lines[line - 1].strip() if line <= len(lines) else ""
        told.append(f"  called from line {line}{where}: {_cut(source, _MAX_LINE_CHARACTERS)}")
    return told


def _notes(error):
    notes = getattr(error, "__notes__", ())
    return [f"  note: {_cut(note, _MAX_LINE_CHARACTERS)}" for note in notes[:_MAX_CAUSES] if type(note) is str]


def _group(error, main):
    if error is main:
        return []
    others = leaves(error)
    told = [f"  {_one_line(other)}" for other in others[:_MAX_GROUP]]
    if len(others) > _MAX_GROUP:
        told.append(f"  ... and {len(others) - _MAX_GROUP} more")
    return told


def _causes(error):
    told, seen = [], {id(error)}
    for _ in range(_MAX_CAUSES):
        cause = error.__cause__
        word = "caused by"
        if cause is None and not error.__suppress_context__:
            cause, word = error.__context__, "while handling"
        if cause is None or id(cause) in seen:
            break
        seen.add(id(cause))
        told.append(f"  {word} {_one_line(cause)}")
        error = cause
    return told


def _one_line(error):
    frames = _frames(error)
    where = f" (line {frames[-1][1]})" if frames else ""
    message = _cut(" ".join(message_of(error).split()), _MAX_LINE_CHARACTERS)
    return f"{kind_of(error)}: {message}{where}" if message else f"{kind_of(error)}{where}"


def _describe_syntax(error, script):
    lines = script.lines
    line = error.lineno if error.lineno and error.filename == SCRIPT else None
    parts = []
    if line is not None and line <= len(lines):
        parts = excerpt(lines, line)
        parts = _with_caret(parts, line, error.offset)
    hint = hints.syntax_hint(error, lines)
    return ScriptError(kind_of(error), printable(str(error.msg)), line, printable("\n".join(parts)), hint)


def _with_caret(parts, line, offset):
    for index, part in enumerate(parts):
        if part.startswith(">") and offset and offset <= _MAX_LINE_CHARACTERS:
            indent = part.index("|") + 1 + offset
            return [*parts[: index + 1], " " * indent + "^", *parts[index + 1 :]]
    return parts


def _cut(text, characters):
    if len(text) <= characters:
        return text
    return f"{text[:characters]}... ({len(text) - characters} more characters)"
