# tools: github.list_commits
import re
import statistics
from collections import Counter
from itertools import groupby

CONVENTIONAL = re.compile(r"^(?P<kind>feat|fix|docs|chore|refactor|test)(\((?P<scope>[^)]+)\))?!?: (?P<rest>.+)$")


def commits(owner, repo, pages=5):
    """Yields commits page by page, until a short page."""
    for page in range(1, pages + 1):
        batch = github.list_commits(owner=owner, repo=repo, page=page, perPage=100)
        yield from batch
        if len(batch) < 100:
            return


kinds, scopes, authors = Counter(), Counter(), Counter()
days = []
for commit in commits("acme", "widgets"):
    subject, _, _ = commit["commit"]["message"].partition("\n")
    author = commit["commit"]["author"]
    authors[author["name"]] += 1
    days.append(author["date"][:10])
    if match := CONVENTIONAL.match(subject):
        kinds[match.group("kind")] += 1
        if scope := match["scope"]:
            scopes[scope] += 1
    else:
        kinds["other"] += 1

per_day = {day: len(list(group)) for day, group in groupby(sorted(days))}
result = {
    "kinds": dict(kinds.most_common()),
    "scopes": dict(scopes.most_common(5)),
    "top_authors": [f"{name} ({count})" for name, count in authors.most_common(3)],
    "median_per_day": statistics.median(per_day.values()) if per_day else 0,
    "busiest": max(per_day, key=per_day.get, default=None),
}
