# tools: git.git_branch, git.git_status, github.list_pull_requests
"""The same servers through `mcp`."""
repo_path = "/projects/widgets"
status = mcp.git.git_status(repo_path=repo_path)
branches = mcp["git"].git_branch(repo_path=repo_path, branch_type="local")
pulls = mcp.github["list_pull_requests"](owner="acme", repo="widgets", state="all")
open_heads = {p["head"]["ref"] for p in pulls if p["state"] == "open"}
local = [line.strip("* ").strip() for line in str(branches).splitlines() if line.strip()]
result = {"clean": "nothing to commit" in str(status), "unmerged": sorted(set(local) & open_heads)}
