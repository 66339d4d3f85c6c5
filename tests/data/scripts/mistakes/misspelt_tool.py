# finds: 3 unknown-tool
total = 0
for repo in github.search_repos(query="mcp")["items"]:
    total += repo["stargazers_count"]
result = total
