"""`retry` and `pages`: built-in functions for what scripts of tools often write by hand."""

import builtins
import re
import time

from exuvia.errors import ToolDenied, ToolError, ToolLimitReached, ToolTimeout, ToolUnavailable
from exuvia.servers import Tool, shown

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 20.0
_PASSING = re.compile(
    r"\b(429|502|503|504|rate.?limit\w*|too many requests|quota|throttl\w*|temporar\w*|unavailable|overloaded|try again|timed? ?out)\b",
    re.IGNORECASE,
)
_AFTER = re.compile(r"(?:retry|try again)\w*[\s_-]*(?:after|in)\W{0,3}(\d+(?:\.\d+)?)\s*(ms|s|min)?", re.IGNORECASE)
_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0}

# What results call the place of the next page, and what tools call the parameter that takes it.
_NEXT = (
    "next_cursor", "nextCursor", "next_page_token", "nextPageToken", "next_token", "nextToken", "continuation_token",
    "continuationToken", "next_page", "nextPage", "end_cursor", "endCursor", "cursor", "after", "next",
)
_OF_EITHER = ("cursor", "after")
_INSIDE = ("pagination", "paging", "page_info", "pageInfo", "meta", "metadata", "response_metadata", "cursors")
_MORE = ("has_more", "hasMore", "has_next_page", "hasNextPage", "has_next")
_TAKES = (
    "cursor", "page_token", "pageToken", "next_token", "nextToken", "continuation_token", "continuationToken",
    "start_cursor", "startCursor", "starting_after", "after", "next_cursor", "nextCursor", "next_page_token",
)
_NUMBERS = ("page", "page_number", "pageNumber")
_FROM_ZERO = re.compile(r"\b(?:0|zero)[- ](?:based|indexed)\b|\bstart(?:s|ing)? (?:at|from|with) 0\b", re.IGNORECASE)
_OFFSETS = ("offset", "skip", "start", "start_at", "startAt")


def retry(tool, /, *positional, n=None, **arguments):
    """Calls a tool up to `n` times (5), while it fails for what may pass: no connection, a timeout, a rate limit. Waits longer
    each time, or as long as the error says; where it says more than 20 s, it gives up."""
    if type(tool) is Tool:
        _check_attempts(tool, positional, n, arguments)
    attempts, wait = 5 if n is None else n, _FIRST_WAIT_S
    for attempt in range(1, max(1, attempts) + 1):
        try:
            return tool(*positional, **arguments)
        except (ToolUnavailable, ToolTimeout, ToolError) as error:
            if attempt >= attempts or not _may_pass(error):
                raise
            told = _AFTER.search(str(error))
            pause = float(told[1]) * _UNITS[(told[2] or "s").lower()] if told else wait
            # An attempt before its time is spent for nothing.
            if pause > _LONGEST_WAIT_S:
                raise
        time.sleep(pause)
        wait = min(wait * 2, _LONGEST_WAIT_S)


def _check_attempts(tool, positional, n, arguments):
    """Arguments that `retry` would take for its own, or give to the tool against what their author meant."""
    names = [parameter.python_name for parameter in tool._parameters]
    if n is not None and "n" in names:
        raise TypeError(f"n is a parameter of {tool} and of retry: write retry(lambda: {tool}(n=...), n=5)")
    if len(positional) == 1 and type(positional[0]) is int and names and names[0] in arguments:
        raise TypeError(f"retry takes the number of attempts by its name: retry({tool}, n={positional[0]}, {names[0]}=...)")


def _may_pass(error):
    if isinstance(error, (ToolDenied, ToolLimitReached)):
        return False
    return isinstance(error, (ToolUnavailable, ToolTimeout)) or bool(_PASSING.search(str(error)))


def pages(tool, /, *positional, **arguments):
    """The pages of a tool, one value each: follows its cursor, page number or offset until there is no more."""
    if type(tool) is not Tool:
        raise TypeError(f"pages takes a tool and its arguments, not {type(tool).__name__}: pages(crm.list_contacts, limit=100)")
    names = {parameter.python_name for parameter in tool._parameters} | {parameter.name for parameter in tool._parameters}
    cursor_name = next((name for name in _TAKES if name in names), None)
    number_name = next((name for name in _NUMBERS if name in names), None)
    offset_name = next((name for name in _OFFSETS if name in names), None)
    if cursor_name is number_name is offset_name is None:
        raise TypeError(f"pages knows no parameter of {tool} that takes a cursor, page or offset; signature: {tool._full_signature()}")
    named = (cursor_name, number_name, offset_name)
    if number_name and cursor_name is None and number_name not in arguments and not positional and _is_required(tool, number_name):
        arguments[number_name] = _first_number(tool)
    seen, before, follow = set(), None, None
    while True:
        page = tool(*positional, **arguments)
        # A page of a filtered list may be empty although others follow.
        is_empty = _items(page) == 0 and not (follow is _by_cursor and _has_more(page))
        if before is not None and (is_empty or page == before):
            _check_end(tool, page, seen)
            return
        yield page
        follow = follow or _way(page, *named)
        if not follow(tool, page, arguments, seen, named):
            _check_end(tool, page, seen)
            return
        before = page


def _is_required(tool, name):
    return any(parameter.required and name in (parameter.python_name, parameter.name) for parameter in tool._parameters)


def _first_number(tool):
    return 0 if _FROM_ZERO.search(tool._documentation) else 1


def _way(page, cursor_name, number_name, offset_name):
    """How to come from the first page to the others: a tool may take more than its server gives."""
    if cursor_name is not None and (_cursor(page) is not None or number_name is offset_name is None):
        return _by_cursor
    return _by_number if number_name is not None else _by_offset


def _by_cursor(tool, page, arguments, seen, named):
    cursor = _cursor(page)
    if cursor is None or cursor in seen:
        return False
    seen.add(cursor)
    arguments[named[0]] = cursor
    return True


def _by_number(tool, page, arguments, seen, named):
    if not _items(page) or _is_last(page):
        return False
    number = arguments.get(named[1])
    if number is None:
        # What the answer calls its own number tells whether they begin with 0.
        number = next((own for own in _own_numbers(page) if own in (0, 1)), None)
        number = _first_number(tool) if number is None else number
    arguments[named[1]] = number + 1
    return True


def _by_offset(tool, page, arguments, seen, named):
    items = _items(page)
    if not items or _is_last(page):
        return False
    arguments[named[2]] = (arguments.get(named[2]) or 0) + items
    return True


def _check_end(tool, page, seen):
    """An end that the tool denies is an error: what came is not all."""
    if _items(page) and _cursor(page) in seen:
        raise ValueError(f"{tool} gives the same cursor again, so that pages() cannot go on: write the loop yourself")
    if _has_more(page):
        keys = f" has the keys {shown(list(map(str, page)))}" if isinstance(page, dict) else ""
        raise ValueError(f"{tool} says that there is more, but gives no cursor that pages() knows; its answer{keys}: write the loop yourself")


def _own_numbers(page):
    for place in _places(page):
        for name in (*_NUMBERS, "number"):
            if type(number := place.get(name)) is int:
                yield number


def _is_last(page):
    """Whether a page says that none comes after it."""
    more = _has_more(page)
    if more is not None:
        return not more
    nexts = [place[name] for place in _places(page) for name in _NEXT if name in place]
    return bool(nexts) and not any(nexts)


def _items(page):
    """How many elements a page has: its own, or those of its longest list; None where it has no list."""
    if isinstance(page, list):
        return len(page)
    lengths = [len(value) for value in page.values() if type(value) is list] if isinstance(page, dict) else []
    return max(lengths, default=None)


def _places(page):
    if isinstance(page, dict):
        yield page
        for name in _INSIDE:
            if type(inner := page.get(name)) is dict:
                yield from _places(inner)


def _cursor(page):
    if _has_more(page) is False:
        return None
    for place in _places(page):
        told = [name for name in _NEXT if name in place]
        # Beside a member that is surely of the next page, these are the place of this one.
        for name in [name for name in told if name not in _OF_EITHER] or told:
            value = place[name]
            if type(value) in (str, int) and value not in ("", 0) and not str(value).startswith(("http://", "https://")):
                return value
    return None


def _has_more(page):
    for place in _places(page):
        for name in _MORE:
            if type(place.get(name)) is bool:
                return place[name]
    return None


def install():
    """Makes them built-in names."""
    builtins.retry = retry
    builtins.pages = pages
