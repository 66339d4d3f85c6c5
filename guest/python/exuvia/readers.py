"""Texts that hold a value: what reads them."""

import ast
import json

from exuvia import peek

# How much of a text is tried to be read.
_MAX_READ = 100_000


def reader(text, name):
    """What makes a value of a text that is, or holds, one as JSON or as Python writes it: a clause, or None."""
    text = text[:_MAX_READ].strip()
    signs = [place for place in (text.find("{"), text.find("[")) if place >= 0]
    if not signs:
        return None
    place = min(signs)
    for module, function, read in (("json", "loads", json.loads), ("ast", "literal_eval", ast.literal_eval)):
        for begin in sorted({0, place}):
            try:
                value = read(text[begin:])
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
            if type(value) in (dict, list):
                part = f"{name}[{name}.index({text[begin]!r}):]" if begin else name
                return f"{module}.{function}({part}) reads it: {peek.shape(value)}"
    return None
