# finds: 4 unknown-argument, 4 missing-argument, 5 unknown-argument
page = 1
while True:
    batch = github.list_issues(owner="acme", repository="widgets", page=page)
    more = github.list_pull_requests(owner="acme", repo="widgets", perpage=50)
    if not batch:
        break
    page += 1
result = len(more)
