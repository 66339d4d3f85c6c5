# finds: 3 wrong-value, 4 wrong-value
owner = "acme"
issues = github.list_issues(owner=owner, repo="widgets", state="opened")
weather = everything.get_structured_content(location="Berlin")
result = [issues, weather]
