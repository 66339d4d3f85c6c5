"""Looks at what a part of a failed expression was, without running any code of the script.

Only exact built-in containers are entered. Where a name was bound by a comprehension or loop, every element that it may
have stood for is a candidate: comprehension variables are gone when the error arrives.
"""

import ast
import itertools

from exuvia import beside

_MAX_CANDIDATES = 2000
_CONTAINERS = (dict, list, tuple)


def node_at(tree, position):
    """The innermost expression at this exact place, with the nodes around it, innermost first."""
    found, around = None, []

    def search(node, parents):
        nonlocal found, around
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr) and _place(child) == position:
                found, around = child, [node, *parents]
            search(child, [node, *parents])

    search(tree, [])
    return found, around


def _place(node):
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset


def candidates(node, names, around):
    """What the value of `node` may have been: a list, empty when nothing is known."""
    try:
        return list(map(beside.plain, itertools.islice(_values(node, names, around), _MAX_CANDIDATES)))
    except Exception:
        return []


def _values(node, names, around):
    if isinstance(node, ast.Name):
        yield from _name(node, names, around)
    elif isinstance(node, ast.Await):
        yield from _values(node.value, names, around)
    elif isinstance(node, ast.Subscript):
        for container, key in itertools.product(
            _values(node.value, names, around), _keys(node.slice, names, around)
        ):
            value = item(container, key)
            if value is not _NOTHING:
                yield value
    elif isinstance(node, ast.Call):
        yield from _call(node, names, around)


def _keys(node, names, around):
    if isinstance(node, ast.Constant):
        return [node.value]
    return list(itertools.islice(_values(node, names, around), 20))


_NOTHING = object()


def item(container, key):
    if type(container) not in _CONTAINERS or type(key) not in (str, int):
        return _NOTHING
    try:
        return container[key]
    except (KeyError, IndexError, TypeError):
        return _NOTHING


def _name(node, names, around):
    for iterable, index in _bindings(node.id, around):
        for container in _values(iterable, names, around):
            for element in _elements(container):
                if index is None:
                    yield element
                else:
                    value = item(element, index)
                    if value is not _NOTHING:
                        yield value
        return
    if node.id in names:
        yield names[node.id]


def _bindings(name, around):
    """The iterables of the comprehensions and loops that bind `name`, innermost first."""
    for node in around:
        for generator in reversed(getattr(node, "generators", ())):
            if isinstance(generator.target, ast.Name) and generator.target.id == name:
                yield generator.iter, None
            elif isinstance(generator.target, ast.Tuple):
                for index, target in enumerate(generator.target.elts):
                    if isinstance(target, ast.Name) and target.id == name:
                        yield generator.iter, index


def _elements(container):
    if type(container) in (list, tuple, dict):
        return list(itertools.islice(container, _MAX_CANDIDATES))
    return []


def _call(node, names, around):
    function = node.func
    if isinstance(function, ast.Attribute):
        for owner in _values(function.value, names, around):
            if type(owner) is not dict:
                continue
            if function.attr == "get" and node.args:
                for key in _keys(node.args[0], names, around):
                    if type(key) in (str, int):
                        yield owner.get(key)
            elif function.attr in ("items", "values", "keys") and not node.args:
                yield list(getattr(owner, function.attr)())
    elif isinstance(function, ast.Name) and function.id in ("sorted", "list", "reversed", "tuple") and node.args:
        yield from _values(node.args[0], names, around)
    elif isinstance(function, ast.Name) and function.id == "enumerate" and node.args:
        for owner in _values(node.args[0], names, around):
            yield list(enumerate(_elements(owner)))


def shape(value):
    """`{"id": int, "name": str}`: what an author needs to see of a value, without its contents."""
    value = beside.plain(value)
    if type(value) is dict:
        entries = [f'"{key}": {_type(inner)}' for key, inner in itertools.islice(value.items(), 15)]
        more = ", ..." if len(value) > 15 else ""
        return f"{{{', '.join(entries)}{more}}}"
    if type(value) in (list, tuple):
        kind = "list" if type(value) is list else "tuple"
        if not value:
            return f"an empty {kind}"
        return f"a {kind} of {len(value)}, the first {shape(value[0])}"
    if type(value) is str:
        return f"the text {_cut(value)!r}"
    if value is None or type(value) in (bool, int, float):
        return repr(value)
    return f"a {type(value).__name__}"


def _type(value):
    return "None" if value is None else type(beside.plain(value)).__name__


def _cut(text):
    return text if len(text) <= 40 else text[:40] + "..."
