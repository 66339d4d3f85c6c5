# tools: atlassian.confluence_search, notion.API-post-search
from __future__ import annotations
from abc import ABC, abstractmethod
from typing import ClassVar, Protocol, runtime_checkable


@runtime_checkable
class Source(Protocol):
    name: str
    def fetch(self, query: str) -> list[dict]: ...


class BaseSource(ABC):
    registry: ClassVar[dict[str, type[BaseSource]]] = {}
    name: str = "base"
    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        BaseSource.registry[cls.name] = cls

    @abstractmethod
    def fetch(self, query: str) -> list[dict]:
        raise NotImplementedError


class Confluence(BaseSource):
    name = "confluence"
    def fetch(self, query: str) -> list[dict]:
        return [{"title": p["title"], "url": p.get("url")} for p in atlassian.confluence_search(query=query, limit=5)]


class Notion(BaseSource):
    name = "notion"
    def fetch(self, query):
        hits = notion.API_post_search(query=query, page_size=5)
        return [{"title": h["id"], "url": h.get("url")} for h in hits["results"]]


sources = [cls() for cls in BaseSource.registry.values()]
assert all(isinstance(s, Source) for s in sources)
result = {s.name: s.fetch("onboarding") for s in sources}
