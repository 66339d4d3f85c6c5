# finds: 3 wrong-value, 4 wrong-value, 5 wrong-value
owner, repo = "acme", "widgets"
issue = github.get_issue(owner=owner, repo=repo, issue_number="42")
commits = github.list_commits(owner="acme", repo="widgets", page="1")
log = git.git_log(repo_path="/projects/widgets", max_count="ten")
result = [issue, commits, log]
