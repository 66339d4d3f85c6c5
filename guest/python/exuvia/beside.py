"""Answers with a structure and content beside it that says something else.

The host sends such an answer as `{"\\0value": structure, "\\0content": blocks}`. A script gets the structure, with the blocks as the
attribute `content`.
"""

_VALUE, _CONTENT = "\0value", "\0content"


class AnswerDict(dict):
    __slots__ = ("content",)


class AnswerList(list):
    __slots__ = ("content",)


class AnswerText(str):
    __slots__ = ("content",)


_KINDS = {dict: AnswerDict, list: AnswerList, str: AnswerText}
_PLAIN = {kind: plain for plain, kind in _KINDS.items()}

KINDS = frozenset(_PLAIN)


def taken(answer):
    """The value that a script gets of a decoded answer."""
    if type(answer) is not dict or _VALUE not in answer:
        return answer
    value = answer[_VALUE]
    kind = _KINDS.get(type(value))
    if kind is None:
        return value
    value = kind(value)
    value.content = answer.get(_CONTENT)
    return value


def plain(value):
    """The same without its content, for what tells types apart."""
    kind = _PLAIN.get(type(value))
    return value if kind is None else kind(value)
