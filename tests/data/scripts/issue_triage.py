# tools: github.list_issues
"""Open issues of a repository, grouped by label, oldest first."""
from collections import defaultdict
from datetime import datetime, timezone

OWNER, REPO = "acme", "widgets"
issues = []
page = 1
while True:
    batch = github.list_issues(owner=OWNER, repo=REPO, state="open", per_page=100, page=page)
    if not batch:
        break
    issues.extend(batch)
    if len(batch) < 100:
        break
    page += 1

# The endpoint returns pull requests too.
issues = [i for i in issues if "pull_request" not in i]
now = datetime.now(timezone.utc)


def age_days(issue):
    created = datetime.fromisoformat(issue["created_at"].replace("Z", "+00:00"))
    return (now - created).days


by_label = defaultdict(list)
for issue in sorted(issues, key=age_days, reverse=True):
    names = [label["name"] for label in issue.get("labels", [])] or ["unlabelled"]
    for name in names:
        by_label[name].append(f"#{issue['number']} {issue["title"][:60]} ({age_days(issue)}d)")

print(f"{len(issues)} open issues in {OWNER}/{REPO}")
for label, lines in sorted(by_label.items(), key=lambda kv: -len(kv[1])):
    print(f"{label}: {len(lines)}")

result = {label: lines[:10] for label, lines in by_label.items()}
