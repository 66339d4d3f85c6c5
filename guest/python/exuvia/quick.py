"""The common forms of asking for parallelism, told from the text of a script: reading its syntax tree (see `asked`) and compiling that
takes twice as long as compiling the text.

What is not certainly one of these forms is left to `asked`. Each name that matters is counted in the whole text, strings and comments
included: where it stands once more than in such a form, `asked` tells. A call to start is marked by the name of its attribute:
`crm.get(id=1)` is compiled as if `get` had another name, under which a server gives what starts the tool (see `servers.Server`).
"""

import re
import unicodedata

from exuvia.asked import AT_ONCE

# Between the name of a tool and the group of its call.
MARK = "\0"

# What binds names out of sight, and what runs things side by side in ways that only `asked` understands.
_OTHERS = (
    "@", "TaskGroup", "__import__", "as_completed", "asyncio.wait", "asyncio as", "create_task", "ensure_future", "eval(", "exec(",
    "from asyncio", "globals(", "import *", "locals(", "mcp", "setattr(", "shield", "to_thread", "vars(",
)
_await = re.compile(r"await +(?:asyncio\.(gather|sleep)(?=\()|(?=\w))").match
_element = re.compile(r"\s*(\w+)(?:\.(\w+))?(?=\()").match
_starred = re.compile(r"\s*\*[\[(]").match
_for = re.compile(r"\s*for\b").match
_end_of_gather = re.compile(r"\s*(?:,\s*return_exceptions=\w+\s*)?,?\s*\)").match
_comma = re.compile(r"\s*,(?!\s*(?:\)|return_exceptions))").match
_trailer = re.compile(r"\s*[(\[.]").match
_bracket = re.compile(r"""[()\[\]{}'"#]""").search
_import = re.compile(r"[ \t]*import (?:[\w ]+, *)*asyncio *(?:,[\w ,]+)?").fullmatch


class _Other(Exception):
    """The script has another form."""


def marks(source, servers):
    """The group of each call to start, by the name of the tool. None: `asked` must tell."""
    for word in _OTHERS:
        if word in source:
            return None
    # Names are compared in this form.
    if not source.isascii() and not unicodedata.is_normalized("NFKC", source):
        return None
    try:
        return _Forms(source, servers).marks()
    except _Other:
        return None


class _Forms:
    def __init__(self, source, servers):
        self.source = source
        self.servers = servers
        # Tools with their group and how often they are called, servers, and coroutine functions.
        self.tools, self.used, self.functions = {}, set(), set()
        self.groups = AT_ONCE

    def marks(self):
        source = self.source
        at = source.find("await")
        while at >= 0:
            at = source.find("await", self._awaited(at))
        if source.count("gather") != self.groups:
            raise _Other
        if source.count("async") != source.count("asyncio") + source.count("async def "):
            raise _Other
        for tool, (_group, count) in self.tools.items():
            if source.count(tool) != count:
                raise _Other
        for server in self.used:
            if source.count(server) != source.count(f"{server}.") or f"import {server}" in source or f"from {server}" in source:
                raise _Other
        for name in self.functions:
            if source.count(name) != source.count(f"{name}(") or source.count(f"def {name}(") != 1 or f"async def {name}(" not in source:
                raise _Other
        self._check_asyncio()
        return {tool: group for tool, (group, _count) in self.tools.items()}

    def _awaited(self, at):
        """What is awaited there: how far it was read."""
        form = _await(self.source, at)
        if form is None:
            raise _Other
        if form[1] == "gather":
            self.groups += 1
            return self._gathered(form.end(), self.groups)
        if form[1] == "sleep":
            return form.end()
        end = self._called(form.end(), AT_ONCE)
        if _trailer(self.source, end):
            # What is awaited is an item or an attribute of the value.
            raise _Other
        # What is in the brackets may await as well.
        return form.end()

    def _gathered(self, at, group):
        """`(*[ELEMENT for ...])` or `(ELEMENT, ELEMENT)`."""
        source = self.source
        begin = at + 1
        if starred := _starred(source, begin):
            if not _for(source, self._called(starred.end(), group)):
                raise _Other
            at = self._end(starred.end() - 1)
        else:
            at = self._called(begin, group)
            while comma := _comma(source, at):
                at = self._called(comma.end(), group)
        end = _end_of_gather(source, at)
        if not end or _trailer(source, end.end()):
            raise _Other
        return begin

    def _called(self, at, group):
        """A call of a tool or of a coroutine function: where it ends."""
        call = _element(self.source, at)
        if call is None:
            raise _Other
        name, tool = call.groups()
        if tool is None:
            self.functions.add(name)
        elif name in self.servers:
            self.used.add(name)
            other, count = self.tools.get(tool, (group, 0))
            if other != group:
                raise _Other
            self.tools[tool] = group, count + 1
        else:
            raise _Other
        return self._end(call.end())

    def _end(self, at):
        """Behind the bracket that closes the one there."""
        source, depth = self.source, 0
        while bracket := _bracket(source, at):
            kind, at = bracket[0], bracket.end()
            if kind in "([{":
                depth += 1
            elif kind in ")]}":
                depth -= 1
                if not depth:
                    return at
            else:
                # A text on one line, without escapes and without a triple quote. A comment is none.
                end = source.find(kind, at)
                text = source[at:end]
                if kind == "#" or end < 0 or not text or "\\" in text or "\n" in text or text.count("{") != text.count("}"):
                    raise _Other
                at = end + 1
        raise _Other

    def _check_asyncio(self):
        """It is the module, where anything is gathered: imported, and otherwise only asked for its attributes."""
        source = self.source
        others = source.count("asyncio") - source.count("asyncio.")
        at = -1
        for _ in range(others):
            at = source.find("asyncio", at + 1)
            while source.startswith(".", at + 7):
                at = source.find("asyncio", at + 1)
            if not _import(source[source.rfind("\n", 0, at) + 1 : source.find("\n", at)]):
                raise _Other
        if self.groups and not others:
            raise _Other


def renamed(code, found):
    """The code with the tools marked."""
    names, constants = code.co_names, code.co_consts
    if not found.keys().isdisjoint(names):
        names = tuple([f"{name}{MARK}{found[name]}" if name in found else name for name in names])
    kind = type(code)
    if kind in map(type, constants):
        constants = tuple([renamed(constant, found) if type(constant) is kind else constant for constant in constants])
    return code if names is code.co_names and constants is code.co_consts else code.replace(co_names=names, co_consts=constants)


# A last line that is an assignment, and the line before it: none that goes on.
_assignment = re.compile(r"[^\W\d]\w* = [^;\\\r]*").fullmatch
_goes_on = re.compile(r".*[,(\[{\\]\s*|.*#.*").fullmatch


def ends_with_assignment(source):
    """Whether the last statement certainly is an assignment to a name. False: it may be."""
    before, _, last = source.rstrip().rpartition("\n")
    if '"""' in last or "'''" in last or not _assignment(last):
        return False
    return not _goes_on(before.rstrip().rpartition("\n")[2])
