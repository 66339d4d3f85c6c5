"""From a Python call to the arguments object of a tool. Nothing that was given is ever dropped."""

import difflib


def bind(tool, positional, keywords):
    """The arguments object; a TypeError that shows the signature when the call does not fit."""
    parameters = tool._parameters
    if len(positional) > len(parameters):
        raise _error(tool, f"takes at most {len(parameters)} positional, {len(positional)} were given")
    arguments = {parameter.name: value for parameter, value in zip(parameters, positional)}
    by_either_name = {parameter.name: parameter for parameter in parameters}
    by_either_name.update((parameter.python_name, parameter) for parameter in parameters)
    for keyword, value in keywords.items():
        parameter = by_either_name.get(keyword)
        if parameter is None and not tool._accepts_other_keywords:
            raise _error(tool, f"has no argument {keyword!r}{_closest(keyword, parameters)}")
        name = parameter.name if parameter else keyword
        if name in arguments:
            raise _error(tool, f"got {keyword!r} twice")
        arguments[name] = value
    missing = [p.python_name for p in parameters if p.required and p.name not in arguments]
    if missing:
        raise _error(tool, f"needs {', '.join(f'{name}=' for name in missing)}")
    return arguments


def _closest(keyword, parameters):
    names = [parameter.python_name for parameter in parameters]
    close = difflib.get_close_matches(keyword, names, 1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return "" if names else "; it takes none"


def _error(tool, problem):
    return TypeError(f"{tool} {problem}{'' if problem.endswith('?') else ';'} signature: {tool._full_signature()}")
