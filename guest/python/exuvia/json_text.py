"""Python values to JSON text."""

import collections
import functools
import json
import re
import sys
from json.encoder import c_make_encoder, encode_basestring

from exuvia import json_forms
from exuvia.json_forms import NotJson, form, is_iterator, key_form
from exuvia.started import Call, value_of

# Well under the 128 levels at which the host's parser stops.
MAX_DEPTH = 100

_MAX_PATH_CHARACTERS = 80
_MAX_KEY_CHARACTERS = 60
_ENCODE_ERRORS = (TypeError, ValueError, RecursionError, OverflowError)

_SURROGATE = re.compile("[\ud800-\udfff]")

# A key that may have been no text. Inside a string the quotes would have backslashes before them.
_KEY_OF_OTHER_KIND = re.compile('"(?:-?[0-9][0-9.e+-]*|true|false|null)":')


def encode(value, root):
    """Compact JSON text of `value`. What cannot be JSON raises a TypeError or ValueError that names its place, which
    starts with `root`."""
    if type(value) is int or value is None:
        return _WRITTEN[type(value)](value)
    if _namedtuples_exist:
        value = _plain(value, root, 1, ())
    try:
        return _encode(value, root)
    except _ENCODE_ERRORS:
        pass
    return _encode(_plain(value, root, 1, ()), root)


def _float(value):
    if value - value != 0:
        raise KeyError
    return repr(value)


_WRITTEN = {
    str: encode_basestring,
    int: repr,
    float: _float,
    bool: {True: "true", False: "false"}.__getitem__,
    type(None): {None: "null"}.__getitem__,
}


def flat(names, members):
    """Compact JSON text of an object of texts, numbers and the like. `names` has the JSON of each name, with a colon. None: it has
    something else."""
    try:
        text = ",".join([names[name] + _WRITTEN[type(value)](value) for name, value in members.items()])
    except KeyError:
        return None
    return f"{{{text}}}" if text.isascii() or not _SURROGATE.search(text) else None


_open_containers = {}
_encoder = c_make_encoder(_open_containers, form, encode_basestring, None, ":", ",", False, False, False)


def _encode(value, root):
    try:
        text = "".join(_encoder(value, 0))
    except BaseException:
        # What an error leaves here would look like a cycle in the next text.
        _open_containers.clear()
        raise
    mark = json_forms.decimal_mark
    if mark is not None:
        text = re.sub(f'"{mark}([0-9.E+-]+){mark}"', r"\1", text)
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(value, text, root)
    if _KEY_OF_OTHER_KIND.search(text):
        # The encoder writes the keys 1 and "1" both, as one key. Walking the value refuses that.
        _plain(value, root, 1, ())
    if not text.isascii() and _SURROGATE.search(text):
        text = _without_surrogates(text, root)
    return text


def _without_surrogates(text, root):
    """The boundary carries Unicode only. A result keeps what can be kept; an argument is never altered silently."""
    if root == "result":
        return _SURROGATE.sub("\ufffd", text)
    raise ValueError(f"{root} hold half of a surrogate pair, which is not text: {text[:_MAX_PATH_CHARACTERS]!a}")


def install():
    """Hears of the script's namedtuples, and lets its `json.dumps` take a call that was not awaited."""
    collections.namedtuple = _noticed_namedtuple
    refuse = json.JSONEncoder.default
    json.JSONEncoder.default = lambda self, value: value_of(value) if type(value) is Call else refuse(self, value)


# A namedtuple is a tuple to the encoder, and so an array. Scripts that define none skip the walk that finds them; the
# standard library's own stay arrays.
_namedtuples_exist = False

_namedtuple = collections.namedtuple


@functools.wraps(_namedtuple)
def _noticed_namedtuple(typename, field_names, *, rename=False, defaults=None, module=None):
    global _namedtuples_exist
    _namedtuples_exist = True
    module = module or sys._getframemodulename(1) or "__main__"
    return _namedtuple(typename, field_names, rename=rename, defaults=defaults, module=module)


def _check_depth(value, text, root):
    level = [value]
    for _ in range(MAX_DEPTH):
        deeper = []
        for container in level:
            items = container.values() if isinstance(container, dict) else container
            if not ATOMS.issuperset(map(type, items)):
                deeper += [item for item in items if type(item) not in ATOMS]
        if not deeper:
            return
        if any(not isinstance(item, (dict, list, tuple)) for item in deeper):
            return _check_depth(json.loads(text), "", root) if text else None
        level = deeper
    _plain(value, root, 1, ())


ATOMS = frozenset({str, int, float, bool, type(None)})


def _plain(value, path, depth, parents):
    """`value` as plain dicts, lists and scalars; raises at the first that cannot be one, naming its path."""
    if type(value) is Call:
        value = value_of(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise ValueError(f"{_short(path)} is {value!r}, which JSON cannot hold; use None")
        return value
    if depth > MAX_DEPTH:
        raise ValueError(f"{_short(path)} is nested deeper than {MAX_DEPTH} levels")
    if any(parent is value for parent in parents):
        raise ValueError(f"{_short(path)} contains itself")
    parents = (*parents, value)
    if isinstance(value, tuple) and hasattr(type(value), "_fields"):
        value = dict(zip(type(value)._fields, value))
    if is_iterator(value):
        value = list(value)
    if isinstance(value, dict):
        plain = {
            _key(key, path): _plain(item, path + _step(key), depth + 1, parents) for key, item in dict.items(value)
        }
        if len(plain) < dict.__len__(value):
            raise _one_key_twice(value, path)
        return plain
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{path}[{index}]", depth + 1, parents) for index, item in enumerate(value)]
    try:
        stand_in = form(value)
    except NotJson as error:
        raise TypeError(f"{_short(path)} {error}") from None
    return stand_in if isinstance(stand_in, str) else _plain(stand_in, path, depth + 1, parents)


def _key(key, path):
    text = key_form(key)
    if text is None:
        raise TypeError(
            f"{_short(path)} has a key of type {type(key).__name__}: JSON keys are strings; use str(key) or a list"
        )
    return text


def _one_key_twice(value, path):
    seen = {}
    for key in dict.keys(value):
        other = seen.setdefault(_key(key, path), key)
        if other is not key:
            return ValueError(f"{_short(path)} has the keys {other!r:.40} and {key!r:.40}, which are one key in JSON")


def _step(key):
    if isinstance(key, str) and key.isidentifier():
        return f".{key}"
    return f"[{repr(key)[:_MAX_KEY_CHARACTERS]}]"


def _short(path):
    if len(path) <= _MAX_PATH_CHARACTERS:
        return path
    half = _MAX_PATH_CHARACTERS // 2
    return f"{path[:half]}...{path[-half:]}"
