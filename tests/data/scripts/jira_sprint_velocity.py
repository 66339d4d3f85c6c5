# tools: atlassian.jira_get_agile_boards, atlassian.jira_get_sprint_issues, atlassian.jira_get_sprints_from_board
import json
from statistics import mean, pstdev

POINTS = "customfield_10016"


def as_json(value):
    """The server answers with JSON text or with data."""
    return json.loads(value) if isinstance(value, str) else value


boards = as_json(atlassian.jira_get_agile_boards(project_key="SHOP", board_type="scrum"))
assert boards, "no scrum board in SHOP"
board_id = str(boards[0]["id"])

velocity = {}
for sprint in as_json(atlassian.jira_get_sprints_from_board(board_id=board_id, state="closed", limit=10)):
    start_at, done = 0, 0.0
    while True:
        page = as_json(
            atlassian.jira_get_sprint_issues(
                sprint_id=str(sprint["id"]), fields=f"status,{POINTS}", start_at=start_at, limit=50
            )
        )
        issues = page["issues"] if isinstance(page, dict) else page
        done += sum(i.get(POINTS) or 0 for i in issues if i.get("status", {}).get("category") == "Done")
        start_at += len(issues)
        if len(issues) < 50:
            break
    velocity[sprint["name"]] = done

values = list(velocity.values())
print(*(f"{name}: {'#' * int(points / 2)} {points:g}" for name, points in velocity.items()), sep="\n")
result = {
    "velocity": velocity,
    "mean": round(mean(values), 1) if values else None,
    "deviation": round(pstdev(values), 1) if len(values) > 1 else None,
}
