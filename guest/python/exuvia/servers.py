"""The servers and tools that a script sees.

A tool is described by the host when it is first used: what a script pays does not grow with the tools it ignores.
"""

import builtins
import difflib
import inspect
import json
from asyncio.events import _get_running_loop
from functools import partial

from wit_world.imports import tools

from exuvia import asked, calls, inline, refused
from exuvia.arguments import bind
from exuvia.json_text import encode, flat
from exuvia.quick import MARK
from exuvia.started import Call, to_await

# How many names an error or a repr lists.
_SHOWN_NAMES = 12


def shown(names):
    """A list of names, bounded."""
    listed = ", ".join(names[:_SHOWN_NAMES])
    return f"{listed}, ... ({len(names)} in all)" if len(names) > _SHOWN_NAMES else listed


class _ReadOnly:
    __slots__ = ()

    def __setattr__(self, name, value):
        raise AttributeError(f"{self!s}.{name} cannot be set: servers and tools are read-only", name=name)

    def __delattr__(self, name):
        raise AttributeError(f"{self!s}.{name} cannot be deleted: servers and tools are read-only", name=name)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


def _fill(target, **slots):
    for name, value in slots.items():
        object.__setattr__(target, name, value)
    return target


class Tool(_ReadOnly):
    """A tool. Calling it blocks and returns its value."""

    __slots__ = (
        "_accepts_other_keywords",
        "_documentation",
        "_name",
        "_parameters",
        "_plain_names",
        "_python_name",
        "_required_names",
        "_server_name",
        "_server_python_name",
        "_signature",
    )

    starts_inline = True

    def __call__(self, /, *positional, **arguments):
        text = self._text(positional, arguments)
        if inline.code is not None and inline.returned_directly():
            return inline.Started(self, calls.start(self, text))
        return calls.call(self, text)

    def _start(self, group, /, *positional, **arguments):
        """Starts a call where the script asks for parallelism."""
        text = self._text(positional, arguments)
        loop = _get_running_loop()
        if loop is None:
            return calls.call(self, text)
        return Call(self, calls.start(self, text, group), loop, group)

    def _text(self, positional, arguments):
        names = self._plain_names
        try:
            if not positional and self._required_names.issubset(arguments):
                text = flat(names, arguments)
                if text is not None:
                    return text
                if arguments.keys() <= names.keys():
                    return encode(arguments, "arguments")
            return encode(bind(self, positional, arguments), "arguments")
        except (TypeError, ValueError) as error:
            refused.arguments(error)
            raise

    def __str__(self):
        return f"{self._server_python_name}.{self._python_name}"

    def __repr__(self):
        return f"<tool {self._full_signature()}>"

    def _full_signature(self):
        return f"{self._server_python_name}.{self._signature}"

    @property
    def __doc__(self):
        return f"{self._full_signature()}\n\n{self._documentation}".rstrip()

    @property
    def __name__(self):
        return self._python_name

    @property
    def __signature__(self):
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        # Required ones first, as Python wants them; a call may still give them in the order of the tool's schema.
        ordered = sorted(self._parameters, key=lambda parameter: not parameter.required)
        parameters = [
            inspect.Parameter(p.python_name, kind, default=inspect.Parameter.empty if p.required else ...)
            for p in ordered
        ]
        if self._accepts_other_keywords:
            parameters.append(inspect.Parameter("others", inspect.Parameter.VAR_KEYWORD))
        return inspect.Signature(parameters)


def start(function, group):
    """What starts a call where `function` is a tool, and `function` where it is not: see `asked`."""
    kind = type(function)
    if kind is Tool:
        return partial(function._start, group)
    if kind is partial and type(function.func) is Tool:
        return partial(function.func._start, group, *function.args, **function.keywords)
    return function


def _tool(server, described):
    parameters = described.parameters
    return _fill(
        Tool(),
        _server_name=server.name,
        _server_python_name=server.python_name,
        _name=described.name,
        _python_name=described.python_name,
        _signature=described.signature,
        _documentation=described.documentation,
        _parameters=parameters,
        _accepts_other_keywords=described.accepts_other_keywords,
        # The keywords that need no translation, as JSON: a call with only these takes the short way.
        _plain_names={p.name: f"{json.dumps(p.name)}:" for p in parameters if p.name == p.python_name},
        _required_names=frozenset(p.python_name for p in parameters if p.required),
    )


class Server(_ReadOnly):
    """The tools of one server, as attributes. `server["name"]` finds a tool by its own name as well."""

    # Described tools live in the instance's dict, where attribute access finds them without running any Python.
    __slots__ = ("_Server__names", "_Server__of", "__dict__")

    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(f"{self} has no attribute {name!r}", name=name)
        tool, mark, group = name.partition(MARK)
        if not mark:
            return self.__find(name)
        start = self.__dict__[name] = partial(getattr(self, tool)._start, int(group))
        return start

    def __getitem__(self, name):
        return self.__dict__.get(name) or self.__find(name)

    def __find(self, name):
        described = tools.describe(self.__of.name, name) if isinstance(name, str) else None
        if described is None:
            raise refused.lookup(AttributeError(self.__missing(name), name=name))
        found = self.__dict__.get(described.python_name) or _tool(self.__of, described)
        self.__dict__[described.python_name] = found
        self.__dict__[name] = found
        return found

    def __missing(self, name):
        names = self.__listed()
        close = difflib.get_close_matches(str(name), names, 3)
        if close:
            more = f"did you mean {' or '.join(f'{self}.{match}' for match in close)}?"
        else:
            more = f"its tools: {shown(names)}" if names else "it has no tools"
        return f"{self} has no tool {name!r}; {more}"

    def __listed(self):
        if self.__names is None:
            _fill(self, _Server__names=tools.list_tools(self.__of.name))
        return list(self.__names)

    def __dir__(self):
        return self.__listed()

    @property
    def __all__(self):
        return self.__listed()

    def __iter__(self):
        return iter(self.__listed())

    def __contains__(self, name):
        return name in self.__listed()

    def __len__(self):
        return len(self.__listed())

    def __bool__(self):
        return True

    def __str__(self):
        return self.__of.python_name

    def __repr__(self):
        return f"<server {self}: {shown(self.__listed())}>"

    @property
    def __name__(self):
        return self.__of.python_name

    @property
    def __doc__(self):
        return "\n".join(getattr(self, name)._full_signature() for name in self.__listed())


class Servers(_ReadOnly):
    """`mcp`: every server as an attribute."""

    __slots__ = ("_Servers__names", "__dict__")

    def __getattr__(self, name):
        if not (name.startswith("__") and name.endswith("__")):
            close = difflib.get_close_matches(name, self.__names, 3)
            more = f"did you mean {' or '.join(close)}?" if close else f"the servers: {shown(self.__names) or 'none'}"
            raise refused.lookup(AttributeError(f"no server {name!r}; {more}", name=name))
        raise AttributeError(f"mcp has no attribute {name!r}", name=name)

    def __getitem__(self, name):
        return self.__dict__.get(name) or self.__getattr__(name)

    def search(self, *queries):
        """The tools that fit words of what they do: their signatures, as text."""
        return tools.search("; ".join(map(str, queries)))

    def __dir__(self):
        return list(self.__names)

    @property
    def __all__(self):
        return list(self.__names)

    def __iter__(self):
        return iter(self.__names)

    def __contains__(self, name):
        return name in self.__dict__

    def __len__(self):
        return len(self.__names)

    def __str__(self):
        return "mcp"

    def __repr__(self):
        return f"<servers: {shown(self.__names)}>"

    @property
    def __doc__(self):
        return "\n".join(map(repr, map(self.__dict__.get, self.__names)))


def proxies(found):
    """`mcp`, with these servers."""
    mcp = _fill(Servers(), _Servers__names=[server.python_name for server in found])
    servers = mcp.__dict__
    for server in found:
        proxy = Server()
        _set_description(proxy, server)
        _set_names(proxy, None)
        servers.setdefault(server.name, proxy)
        servers[server.python_name] = proxy
    return mcp


_set_description = Server._Server__of.__set__
_set_names = Server._Server__names.__set__


def by_python_name(mcp):
    """The servers of `mcp`, each under its Python name."""
    return [(name, mcp.__dict__[name]) for name in mcp._Servers__names]


def install():
    """Gives scripts what their rewritten calls and `await` go through."""
    setattr(builtins, asked.START, start)
    setattr(builtins, asked.AWAIT, to_await)
