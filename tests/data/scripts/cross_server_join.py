# tools: atlassian.jira_search, github.search_issues, google-workspace.send_gmail_message
"""Pull requests without a ticket, and tickets in review without a pull request."""
import re
import sys
from collections import defaultdict

TICKET = re.compile(r"\b(SHOP-\d+)\b")


def search_pulls(query: str, limit: int = 300):
    collected, page = [], 1
    while len(collected) < limit:
        answer = github.search_issues(q=query, per_page=100, page=page, sort="created", order="desc")
        collected += answer["items"]
        if len(answer["items"]) < 100 or len(collected) >= answer["total_count"]:
            break
        page += 1
    return collected[:limit]


pulls = search_pulls("repo:acme/widgets is:pr is:open")
by_ticket = defaultdict(list)
without = []
for pull in pulls:
    keys = TICKET.findall(f"{pull['title']} {pull.get('body') or ''}")
    for key in set(keys):
        by_ticket[key].append(pull["number"])
    if not keys:
        without.append(pull)

tickets = atlassian.jira_search(jql='project = SHOP AND status = "In Review"', fields="summary,assignee", limit=50)
orphans = [t for t in tickets.get("issues", []) if t["key"] not in by_ticket]

if not without and not orphans:
    print("nothing to report")
    sys.exit(0)

lines = [f"#{p['number']} {p['title']} ({p['user']['login']})" for p in without]
lines += [f"{t['key']} {t.get('summary', '')}" for t in orphans]
body = "\n".join(["Without a counterpart:", *lines])
sent = google_workspace.send_gmail_message(
    user_google_email="bot@example.com", to="team@example.com", subject=f"{len(lines)} loose ends", body=body
)
result = {"pulls": len(without), "tickets": len(orphans), "sent": bool(sent)}
