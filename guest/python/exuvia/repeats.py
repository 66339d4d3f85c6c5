"""`retry` and `pages`: built-in functions for what scripts of tools often write by hand."""

import builtins
import re
import time

from exuvia.errors import ToolDenied, ToolError, ToolLimitReached, ToolTimeout, ToolUnavailable
from exuvia.servers import Tool

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
_INSIDE = ("pagination", "paging", "page_info", "pageInfo", "meta", "metadata", "response_metadata", "cursors")
_MORE = ("has_more", "hasMore", "has_next_page", "hasNextPage", "has_next")
_TAKES = (
    "cursor", "page_token", "pageToken", "next_token", "nextToken", "continuation_token", "continuationToken",
    "start_cursor", "startCursor", "starting_after", "after", "next_cursor", "nextCursor", "next_page_token",
)
_NUMBERS = ("page", "page_number", "pageNumber")
_OFFSETS = ("offset", "skip", "start", "start_at", "startAt")


def retry(tool, /, *positional, n=5, **arguments):
    """Calls a tool up to `n` times, while it fails for what may pass: no connection, a timeout, a rate limit. Waits longer
    each time, or as long as the error says."""
    wait = _FIRST_WAIT_S
    for attempt in range(1, max(1, n) + 1):
        try:
            return tool(*positional, **arguments)
        except (ToolUnavailable, ToolTimeout, ToolError) as error:
            if attempt >= n or not _may_pass(error):
                raise
            told = _AFTER.search(str(error))
            pause = float(told[1]) * _UNITS[(told[2] or "s").lower()] if told else wait
        time.sleep(min(pause, _LONGEST_WAIT_S))
        wait = min(wait * 2, _LONGEST_WAIT_S)


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
    seen, before = set(), None
    while True:
        page = tool(*positional, **arguments)
        items = _items(page)
        if before is not None and (items == 0 or page == before):
            return
        yield page
        before = page
        cursor = _cursor(page)
        if cursor_name is not None:
            if cursor is None or cursor in seen:
                return
            seen.add(cursor)
            arguments[cursor_name] = cursor
        elif not items or _has_more(page) is False:
            return
        elif number_name is not None:
            arguments[number_name] = arguments.get(number_name, 1) + 1
        else:
            arguments[offset_name] = arguments.get(offset_name, 0) + items


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
        for name in _NEXT:
            value = place.get(name)
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
