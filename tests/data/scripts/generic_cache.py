# tools: github.get_issue, github.search_users
from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Cache(Generic[K, V]):
    """Remembers values for some seconds."""

    def __init__(self, load: Callable[[K], V], seconds: float = 60.0) -> None:
        self._load = load
        self._seconds = seconds
        self._values: dict[K, tuple[float, V]] = {}
        self.hits = self.misses = 0

    def __getitem__(self, key: K) -> V:
        now = time.monotonic()
        if key in self._values and now - self._values[key][0] < self._seconds:
            self.hits += 1
            return self._values[key][1]
        self.misses += 1
        value = self._load(key)
        self._values[key] = (now, value)
        return value

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(hits={self.hits}, misses={self.misses})"


class NamedCache(Cache[str, dict]):
    def __init__(self, load, *, name: str):
        super().__init__(load)
        self.name = name


users = NamedCache(lambda login: github.search_users(q=f"user:{login}")["items"][0], name="users")
issues: Cache[int, dict] = Cache(lambda number: github.get_issue(owner="acme", repo="widgets", issue_number=number))

owners = {}
for number in (101, 102, 101, 103, 102):
    issue = issues[number]
    assignee = (issue.get("assignee") or {}).get("login")
    if assignee:
        owners.setdefault(assignee, set()).add(f"{number}: {users[assignee].get('html_url', '')}")
print(users, issues)
result = {login: sorted(numbers) for login, numbers in owners.items()}
