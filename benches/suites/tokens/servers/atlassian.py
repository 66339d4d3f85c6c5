# Jira and Confluence, as mcp-atlassian answers: JSON in a declared string.
import json


def issue(project, n):
    return {"id": str(10_000 + n), "key": f"{project}-{n}", "summary": f"{['Login', 'Export', 'Search', 'Billing'][n % 4]} part {n} is slow", "url": f"https://acme.atlassian.net/rest/api/3/issue/{10_000 + n}",
            "description": "Steps: open the page, wait. " * (n % 5 + 2), "status": {"name": ["To Do", "In Progress", "Done"][n % 3], "category": ["To Do", "In Progress", "Done"][n % 3], "color": "blue-gray"},
            "issue_type": {"name": ["Bug", "Task", "Story"][n % 3]}, "priority": {"name": ["High", "Medium", "Low"][n % 3]},
            "assignee": {"display_name": ["Ada Berg", "Bo Chen", "Chen Ito"][n % 3], "name": "x", "email": "x@acme.example", "avatar_url": "https://avatar.example/x"} if n % 5 else None,
            "created": f"2026-10-{1 + n % 28:02}T10:00:00.000+0000", "updated": f"2026-11-{1 + n % 28:02}T10:00:00.000+0000"}


def jira_search(jql, limit=10, start_at=0, **_):
    project = next((word for word in jql.replace("=", " ").replace('"', " ").split() if word.isupper() and word not in ("AND", "OR", "ORDER", "BY", "DESC", "ASC", "NOT", "IN")), "WEB")
    return json.dumps({"total": 48, "start_at": start_at, "max_results": limit, "issues": [issue(project, n) for n in range(start_at + 1, min(start_at + limit, 48) + 1)]}, indent=2)


def jira_get_issue(issue_key, **_):
    project, n = issue_key.split("-")
    return json.dumps(issue(project, int(n)) | {"comments": [{"body": "Seen again today.", "author": "Bo Chen", "created": "2026-11-20"}] * 4}, indent=2)


def jira_create_issue(project_key, summary, issue_type, **_):
    return json.dumps({"message": "Issue created successfully", "issue": {"id": "10099", "key": f"{project_key}-99", "summary": summary}}, indent=2)


def jira_add_comment(issue_key, body, **_):
    return json.dumps({"id": "501", "body": body, "created": "2026-11-29T10:00:00.000+0000", "author": "Ada Berg"}, indent=2)


def jira_get_sprints_from_board(board_id, state=None, **_):
    return json.dumps([{"id": str(n), "name": f"Sprint {n}", "state": ["closed", "active", "future"][min(n - 20, 2)], "start_date": "2026-11-16", "end_date": "2026-11-30"} for n in range(20, 23)], indent=2)


def jira_get_sprint_issues(sprint_id, limit=10, **_):
    return json.dumps({"total": 24, "start_at": 0, "max_results": limit, "issues": [issue("WEB", n) for n in range(1, min(limit, 24) + 1)]}, indent=2)


def confluence_search(query, limit=10, **_):
    return json.dumps([{"id": str(7000 + n), "title": f"{query} {n}", "type": "page", "created": "", "updated": "2026-11-20", "url": f"https://acme.atlassian.net/wiki/spaces/ENG/pages/{7000 + n}", "space": {"key": "ENG", "name": "Engineering"}, "attachments": [], "version": 3} for n in range(limit)], indent=2)


def confluence_get_page(page_id=None, **_):
    return json.dumps({"metadata": {"id": page_id, "title": "Runbook", "type": "page", "url": f"https://acme.atlassian.net/wiki/{page_id}", "space": {"key": "ENG", "name": "Engineering"}, "content": {"value": "# Runbook\n" + "\n".join(f"{n}. Check service {n % 7}; owner {['Ada', 'Bo', 'Chen'][n % 3]}; escalate after {n * 5 % 50 + 5} minutes." for n in range(70))}}}, indent=2)


def confluence_create_page(space_key, title, **_):
    return json.dumps({"message": "Page created successfully", "page": {"id": "7100", "title": title, "url": "https://acme.atlassian.net/wiki/7100"}}, indent=2)
