"""`help(crm.get_contacts)`: the signature and the documentation, without pydoc's frame around them."""

import builtins
import pydoc

from exuvia.servers import Server, Servers, Tool


class _Help:
    def __call__(self, *subject):
        if subject and type(subject[0]) in (Server, Servers, Tool):
            print(subject[0].__doc__)
        elif subject:
            pydoc.plainpager(pydoc.plaintext.document(subject[0]) if _is_documented(subject[0]) else _type_of(subject[0]))
        else:
            print("help(crm) lists the tools of a server, help(crm.get_contacts) tells of one")

    def __repr__(self):
        return "help(thing) tells of a server, a tool or any Python object"


def _is_documented(subject):
    return pydoc.inspect.isroutine(subject) or pydoc.inspect.isclass(subject) or pydoc.inspect.ismodule(subject)


def _type_of(subject):
    if isinstance(subject, str):
        return f"no help for the text {subject!r}\n"
    return pydoc.plaintext.document(type(subject))


def install():
    """Makes this the built-in `help`."""
    builtins.help = _Help()
