"""`help(crm.get_contacts)`: the signature and the documentation, without pydoc's frame around them."""

import builtins
import pydoc
import sys

from exuvia.servers import Server, Servers, Tool, shown


class _Help:
    def __call__(self, *subject):
        if subject and type(subject[0]) in (Server, Servers, Tool):
            print(subject[0].__doc__)
        elif subject and isinstance(subject[0], str):
            print(_named(subject[0]))
        elif subject:
            pydoc.plainpager(pydoc.plaintext.document(subject[0]) if _is_documented(subject[0]) else _type_of(subject[0]))
        else:
            print(f"servers: {shown(list(_mcp()))}; help(crm) lists the tools of one, help(crm.get_contacts) explains one,")
            print('mcp.search("what it does") finds some')

    def __repr__(self):
        return "help(thing) tells of a server, a tool or any Python object"


def _mcp():
    return sys.modules["mcp"]


def _named(text):
    """Help on what a text names: `crm`, `crm.get_contacts`."""
    subject = _mcp()
    server, _, tool = text.removeprefix("mcp.").replace("/", ".").partition(".")
    if server not in subject:
        return f"no help for the text {text!r}"
    try:
        subject = subject[server]
        return (subject[tool] if tool else subject).__doc__
    except AttributeError as error:
        return str(error)


def _is_documented(subject):
    return pydoc.inspect.isroutine(subject) or pydoc.inspect.isclass(subject) or pydoc.inspect.ismodule(subject)


def _type_of(subject):
    return pydoc.plaintext.document(type(subject))


def install():
    """Makes this the built-in `help`."""
    builtins.help = _Help()
