# tools: git.git_diff_staged, git.git_diff_unstaged, git.git_status
import asyncio

repos = ["/projects/a", "/projects/b", "/projects/c"]
statuses = await asyncio.gather(*[git.git_status(repo_path=r) for r in repos])
dirty = [r for r, s in zip(repos, statuses) if "nothing to commit" not in str(s)]


async def changes(repo):
    staged = git.git_diff_staged(repo_path=repo)
    unstaged = git.git_diff_unstaged(repo_path=repo, context_lines=0)
    return repo, len((await staged).splitlines()), len((await unstaged).splitlines())


rows = await asyncio.gather(*map(changes, dirty))
result = {repo: {"staged": a, "unstaged": b} for repo, a, b in rows}
