# tools: git.git_diff, git.git_log, git.git_show
"""Tools as values: a dispatch table, callbacks, a pool."""
import asyncio
from concurrent.futures import ThreadPoolExecutor, as_completed

REPO = "/projects/widgets"
actions = {"log": git.git_log, "show": git.git_show}
calls = [("log", {"max_count": 3}), ("show", {"revision": "HEAD"})]
outcome = {name: actions[name](repo_path=REPO, **arguments) for name, arguments in calls}

with ThreadPoolExecutor() as pool:
    futures = {pool.submit(git.git_show, repo_path=REPO, revision=f"HEAD~{n}"): n for n in range(5)}
    shown = {futures[f]: len(str(f.result())) for f in as_completed(futures)}


async def later():
    return await asyncio.to_thread(git.git_diff, repo_path=REPO, target="main")


difference = asyncio.run(later())
result = {"sizes": shown, "log": str(outcome["log"])[:200], "changed": difference != ""}
