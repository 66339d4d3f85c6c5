# tools: google-workspace.list_contacts, google-workspace.search_contacts
from typing import Any, Literal, Protocol, overload, runtime_checkable

EMAIL = "ada@example.com"
type Contact = dict[str, Any]


@runtime_checkable
class Source(Protocol):
    def contacts(self, limit: int) -> list[Contact]: ...


class All:
    def contacts(self, limit: int) -> list[Contact]:
        answer = google_workspace.list_contacts(user_google_email=EMAIL, page_size=limit)
        return answer if isinstance(answer, list) else [{"text": line} for line in str(answer).splitlines()]


class Matching:
    def __init__(self, query: str) -> None:
        self.query = query

    def contacts(self, limit: int) -> list[Contact]:
        answer = google_workspace.search_contacts(user_google_email=EMAIL, query=self.query, page_size=limit)
        return answer if isinstance(answer, list) else [{"text": line} for line in str(answer).splitlines()]


def first[T](items: list[T], default: T | None = None) -> T | None:
    return items[0] if items else default


@overload
def gather(source: Source, how: Literal["one"]) -> Contact | None: ...
@overload
def gather(source: Source, how: Literal["all"]) -> list[Contact]: ...
def gather(source, how):
    assert isinstance(source, Source)
    found = source.contacts(30)
    return first(found) if how == "one" else found


result = {"first": gather(All(), "one"), "matching": len(gather(Matching("lovelace"), "all"))}
