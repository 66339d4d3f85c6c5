# tools: git.git_add, git.git_branch, git.git_checkout, git.git_commit, git.git_create_branch
import asyncio
from contextlib import asynccontextmanager, AsyncExitStack, nullcontext


@asynccontextmanager
async def branch(repo: str, name: str):
    before = await git.git_branch(repo_path=repo, branch_type="local")
    await git.git_create_branch(repo_path=repo, branch_name=name)
    await git.git_checkout(repo_path=repo, branch_name=name)
    try:
        yield name
    finally:
        await git.git_checkout(repo_path=repo, branch_name="main")


async def main() -> dict:
    async with AsyncExitStack() as stack:
        b = await stack.enter_async_context(branch("/repo", "chore/cleanup"))
        stack.push_async_callback(asyncio.sleep, 0)
        await git.git_add(repo_path="/repo", files=["."])
        commit = await git.git_commit(repo_path="/repo", message=f"Work on {b}")
    return {"branch": b, "commit": commit}


with asyncio.Runner() as runner:
    result = runner.run(main())
