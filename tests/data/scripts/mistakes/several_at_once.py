# finds: 8 unknown-tool, 9 missing-argument, 10 wrong-value, 15 not-imported
from collections import Counter

counter = Counter()


def collect(owner):
    for repo in github.list_repositories(owner=owner):
        issues = github.list_issues(owner=owner)
        commits = github.list_commits(owner=owner, repo=repo["name"], perPage="100")
        counter[repo["name"]] = len(issues) + len(commits)


collect("acme")
print(datetime.datetime.now())
result = counter
