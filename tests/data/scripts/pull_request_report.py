# tools: github.get_pull_request_files, github.get_pull_request_reviews, github.get_pull_request_status, github.list_pull_requests
import asyncio
from dataclasses import asdict, dataclass, field


@dataclass(order=True)
class PullRequest:
    number: int
    title: str = field(compare=False)
    author: str = field(compare=False)
    files: int = field(default=0, compare=False)
    additions: int = field(default=0, compare=False)
    approvals: list[str] = field(default_factory=list, compare=False)
    status: str | None = field(default=None, compare=False)

    @property
    def is_ready(self) -> bool:
        return self.status == "success" and len(self.approvals) >= 1


async def describe(owner: str, repo: str, raw: dict) -> PullRequest:
    number = raw["number"]
    files, reviews, status = await asyncio.gather(
        github.get_pull_request_files(owner=owner, repo=repo, pull_number=number),
        github.get_pull_request_reviews(owner=owner, repo=repo, pull_number=number),
        github.get_pull_request_status(owner=owner, repo=repo, pull_number=number),
    )
    return PullRequest(
        number=number,
        title=raw["title"],
        author=raw["user"]["login"],
        files=len(files),
        additions=sum(f.get("additions", 0) for f in files),
        approvals=sorted({r["user"]["login"] for r in reviews if r["state"] == "APPROVED"}),
        status=status.get("state"),
    )


async def main() -> list[dict]:
    owner, repo = "acme", "widgets"
    pulls = await github.list_pull_requests(owner=owner, repo=repo, state="open", sort="updated", direction="desc")
    described = await asyncio.gather(*(describe(owner, repo, p) for p in pulls))
    for pr in sorted(described):
        mark = "ready" if pr.is_ready else "waiting"
        print(f"{pr.number:>5} {mark:<8} +{pr.additions:<6} {', '.join(pr.approvals) or '-'}  {pr.title}")
    return [asdict(pr) for pr in described if pr.is_ready]


result = await main()
