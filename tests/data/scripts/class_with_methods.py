# tools: github.add_issue_comment, github.list_issues, github.update_issue
from datetime import datetime, timedelta, timezone


class StaleBot:
    """Marks issues that nobody has touched, and closes those that stay so."""

    LABEL = "stale"

    def __init__(self, owner: str, repo: str, *, days: int = 60, dry_run: bool = True):
        self.owner, self.repo = owner, repo
        self.cutoff = datetime.now(timezone.utc) - timedelta(days=days)
        self.dry_run = dry_run
        self.actions: list[tuple[str, int]] = []

    @property
    def where(self) -> dict:
        return {"owner": self.owner, "repo": self.repo}

    @staticmethod
    def _moment(text: str) -> datetime:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))

    @classmethod
    def _is_stale(cls, issue: dict) -> bool:
        return any(label["name"] == cls.LABEL for label in issue["labels"])

    def _act(self, action: str, number: int, **changes) -> None:
        self.actions.append((action, number))
        if self.dry_run:
            return
        if action == "mark":
            github.add_issue_comment(**self.where, issue_number=number, body="Still relevant? This closes in a week.")
        github.update_issue(**self.where, issue_number=number, **changes)

    def run(self) -> list[tuple[str, int]]:
        for issue in github.list_issues(**self.where, state="open", sort="updated", direction="asc", per_page=100):
            if self._moment(issue["updated_at"]) > self.cutoff:
                break
            number, labels = issue["number"], [label["name"] for label in issue["labels"]]
            if self._is_stale(issue):
                self._act("close", number, state="closed")
            else:
                self._act("mark", number, labels=[*labels, self.LABEL])
        return self.actions


bot = StaleBot("acme", "widgets", days=90)
try:
    actions = bot.run()
except ToolError as e:
    print(f"{e.server}.{e.tool} failed: {e.message}")
    raise
result = [{"action": a, "issue": n} for a, n in actions]
