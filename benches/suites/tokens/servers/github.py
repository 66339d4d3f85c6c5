# GitHub as @modelcontextprotocol/server-github answers: pretty-printed JSON as text.
INDENT = 2
PEOPLE = ["ada", "bo", "chen", "dina", "emil", "fay"]
LABELS = ["bug", "enhancement", "documentation", "question", "security", "good first issue"]
WORDS = "cache token login upload search export page timeout retry panel filter import session chart webhook".split()


def person(name):
    return {
        "login": name,
        "id": 1000 + sum(map(ord, name)),
        "node_id": f"MDQ6VXNlc{name}",
        "avatar_url": f"https://avatars.githubusercontent.com/u/{1000 + sum(map(ord, name))}?v=4",
        "url": f"https://api.github.com/users/{name}",
        "html_url": f"https://github.com/{name}",
        "type": "User",
    }


def day(n):
    from datetime import datetime, timedelta

    return (datetime(2026, 1, 1) + timedelta(hours=41 * n)).strftime("%Y-%m-%dT%H:%M:%SZ")


def words(n, count):
    return " ".join(WORDS[(n * 7 + k * 3) % len(WORDS)] for k in range(count))


def issue(owner, repo, n):
    labels = [LABELS[n % 6]] + ([LABELS[(n + 3) % 6]] if n % 4 == 0 else [])
    return {
        "url": f"https://api.github.com/repos/{owner}/{repo}/issues/{n}",
        "repository_url": f"https://api.github.com/repos/{owner}/{repo}",
        "html_url": f"https://github.com/{owner}/{repo}/issues/{n}",
        "id": 2_000_000 + n,
        "node_id": f"I_kwDO{n:06}",
        "number": n,
        "title": f"{words(n, 5).capitalize()} fails",
        "user": person(PEOPLE[n % 6]),
        "labels": [{"id": 90 + LABELS.index(name), "name": name, "color": "d73a4a", "default": True, "description": f"About {name}"} for name in labels],
        "state": "closed" if n % 5 == 0 else "open",
        "locked": False,
        "assignee": person(PEOPLE[(n + 1) % 6]) if n % 2 else None,
        "assignees": [person(PEOPLE[(n + 1) % 6])] if n % 2 else [],
        "milestone": None,
        "comments": n % 9,
        "created_at": day(n),
        "updated_at": day(n + 3),
        "closed_at": day(n + 2 + n % 9) if n % 5 == 0 else None,
        "author_association": "MEMBER",
        "body": f"When I {words(n, 8)}, the {words(n + 1, 6)}.\n\n**Expected**: {words(n + 2, 10)}.\n\n**Actual**: {words(n + 3, 14)}.",
        "reactions": {"total_count": n % 4, "+1": n % 4, "-1": 0},
    }


def paged(items, page, per_page):
    page, per_page = int(page or 1), int(per_page or 30)
    return items[(page - 1) * per_page : page * per_page]


def list_issues(owner, repo, state="open", labels=None, page=1, per_page=30, sort="created", direction="desc", **_):
    found = [issue(owner, repo, n) for n in range(140, 0, -1)]
    found = [one for one in found if state == "all" or one["state"] == state]
    found = [one for one in found if not labels or all(name in [l["name"] for l in one["labels"]] for name in labels)]
    if sort == "comments":
        found.sort(key=lambda one: one["comments"], reverse=direction == "desc")
    return paged(found, page, per_page)


def get_issue(owner, repo, issue_number):
    return issue(owner, repo, int(issue_number))


def search_issues(q, page=1, per_page=30, **_):
    found = [issue("acme", "web", n) for n in range(1, 25) if "is:open" not in q or n % 3]
    return {"total_count": len(found), "incomplete_results": False, "items": paged(found, page, per_page)}


def update_issue(owner, repo, issue_number, **changes):
    return issue(owner, repo, int(issue_number)) | {k: v for k, v in changes.items() if k in ("title", "state", "body")}


def create_issue(owner, repo, title, body="", **_):
    return issue(owner, repo, 141) | {"title": title, "body": body}


def add_issue_comment(owner, repo, issue_number, body):
    number = int(issue_number)
    return {"id": 77_000 + number, "url": f"https://api.github.com/repos/{owner}/{repo}/issues/comments/{77_000 + number}",
            "user": person("ada"), "body": body, "created_at": day(number)}


def pull(owner, repo, n):
    return {
        "url": f"https://api.github.com/repos/{owner}/{repo}/pulls/{n}",
        "html_url": f"https://github.com/{owner}/{repo}/pull/{n}",
        "id": 5_000_000 + n, "number": n, "state": "open" if n % 2 else "closed", "locked": False,
        "title": f"Fix {words(n, 4)}", "user": person(PEOPLE[n % 6]), "body": f"Closes #{n}. {words(n, 30)}",
        "labels": [], "draft": n % 5 == 0, "created_at": day(n), "updated_at": day(n + 2),
        "closed_at": None if n % 2 else day(n + 4), "merged_at": None if n % 2 else day(n + 4),
        "merge_commit_sha": f"{n:040x}", "assignees": [], "requested_reviewers": [person(PEOPLE[(n + 2) % 6])],
        "head": {"label": f"{owner}:fix-{n}", "ref": f"fix-{n}", "sha": f"{n + 7:040x}", "user": person(PEOPLE[n % 6])},
        "base": {"label": f"{owner}:main", "ref": "main", "sha": f"{n + 9:040x}", "user": person(owner)},
    }


def list_pull_requests(owner, repo, state="open", page=1, per_page=30, **_):
    found = [pull(owner, repo, n) for n in range(60, 0, -1)]
    return paged([one for one in found if state == "all" or one["state"] == state], page, per_page)


def get_pull_request(owner, repo, pull_number):
    n = int(pull_number)
    return pull(owner, repo, n) | {"mergeable": True, "comments": 2, "commits": 3, "additions": n * 7, "deletions": n * 3, "changed_files": 4}


def get_pull_request_files(owner, repo, pull_number):
    n = int(pull_number)
    return [{"sha": f"{n + k:040x}", "filename": f"src/{WORDS[(n + k) % 15]}.{'rs' if k % 2 else 'md'}", "status": "modified",
             "additions": (n * 7 + k * 11) % 90, "deletions": (n + k * 5) % 40, "changes": 50 + k,
             "patch": f"@@ -1,5 +1,9 @@\n-old {words(n + k, 12)}\n+new {words(n + k + 1, 40)}\n"} for k in range(6)]


def get_pull_request_status(owner, repo, pull_number):
    n = int(pull_number)
    state = "failure" if n % 4 == 1 else "success"
    return {"state": state, "sha": f"{n + 7:040x}", "total_count": 3,
            "statuses": [{"context": name, "state": state if name == "test" else "success", "description": f"{name} finished",
                          "target_url": f"https://ci.example/{n}/{name}"} for name in ("build", "test", "lint")]}


def get_pull_request_reviews(owner, repo, pull_number):
    n = int(pull_number)
    return [{"id": n * 10 + k, "user": person(PEOPLE[(n + k) % 6]), "body": words(n + k, 20),
             "state": "APPROVED" if (n + k) % 3 else "CHANGES_REQUESTED", "submitted_at": day(n + k)} for k in range(n % 3 + 1)]


def get_pull_request_comments(owner, repo, pull_number):
    n = int(pull_number)
    return [{"id": n * 100 + k, "path": f"src/{WORDS[k]}.rs", "line": k * 7, "body": words(n + k, 25),
             "user": person(PEOPLE[k % 6]), "created_at": day(n + k)} for k in range(8)]


def list_commits(owner, repo, page=1, perPage=30, **_):
    commit = lambda n: {
        "sha": f"{n * 7919:040x}", "node_id": f"C_{n}",
        "commit": {"author": {"name": PEOPLE[n % 6].title(), "email": f"{PEOPLE[n % 6]}@acme.example", "date": day(n)},
                   "committer": {"name": "GitHub", "email": "noreply@github.com", "date": day(n)},
                   "message": f"{'Fix' if n % 3 else 'Add'} {words(n, 5)} (#{n})", "tree": {"sha": f"{n:040x}"}, "comment_count": 0},
        "url": f"https://api.github.com/repos/{owner}/{repo}/commits/{n * 7919:040x}", "author": person(PEOPLE[n % 6]),
    }
    return paged([commit(n) for n in range(200, 0, -1)], page, perPage)


def get_file_contents(owner, repo, path, branch=None):
    text = f"# {repo}\n\n" + "\n".join(f"{k}. {words(k, 18)}" for k in range(60))
    if path.endswith("package.json"):
        text = '{"name": "%s", "version": "2.%d.0", "license": "MIT", "dependencies": {"react": "^19.0.0", "zod": "^3.2%d.0"}}' % (repo, len(repo), len(repo) % 7)
    return {"name": path.rsplit("/")[-1], "path": path, "sha": "b" * 40, "size": len(text), "type": "file", "encoding": "utf-8", "content": text}


def search_repositories(query, page=1, perPage=30):
    repo = lambda n: {"id": n, "name": ["web", "api", "mobile", "docs", "infra"][n % 5] + ("" if n < 5 else str(n)), "private": False,
                      "full_name": f"acme/{['web', 'api', 'mobile', 'docs', 'infra'][n % 5]}{'' if n < 5 else n}", "owner": person("acme"),
                      "html_url": f"https://github.com/acme/r{n}", "description": words(n, 12), "fork": False,
                      "url": f"https://api.github.com/repos/acme/r{n}", "created_at": day(n), "updated_at": day(n + 2), "pushed_at": day(n + 3),
                      "git_url": f"git://github.com/acme/r{n}.git", "default_branch": "main", "stargazers_count": n * 37 % 101}
    return {"total_count": 24, "incomplete_results": False, "items": paged([repo(n) for n in range(24)], page, perPage)}


def search_code(q, **_):
    return {"total_count": 12, "incomplete_results": False,
            "items": [{"name": f"{WORDS[k]}.rs", "path": f"src/{WORDS[k]}.rs", "sha": f"{k:040x}", "html_url": f"https://github.com/acme/web/blob/main/src/{WORDS[k]}.rs",
                       "repository": {"id": 1, "full_name": "acme/web", "owner": person("acme")}} for k in range(12)]}


def search_users(q, **_):
    return {"total_count": 6, "incomplete_results": False, "items": [person(name) | {"score": 1} for name in PEOPLE]}


def create_branch(owner, repo, branch, from_branch=None):
    return {"ref": f"refs/heads/{branch}", "node_id": "REF_x", "url": f"https://api.github.com/repos/{owner}/{repo}/git/refs/heads/{branch}",
            "object": {"sha": "a" * 40, "type": "commit", "url": "https://api.github.com/x"}}


def create_or_update_file(owner, repo, path, content, message, branch, **_):
    return {"content": {"name": path, "path": path, "sha": "c" * 40, "size": len(content)}, "commit": {"sha": "d" * 40, "message": message}}


def create_pull_request(owner, repo, title, head, base, **_):
    return pull(owner, repo, 61) | {"title": title}


def merge_pull_request(owner, repo, pull_number, **_):
    return {"sha": "e" * 40, "merged": True, "message": "Pull Request successfully merged"}


def create_pull_request_review(owner, repo, pull_number, body, event, **_):
    state = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}[event]
    return {"id": 900 + int(pull_number), "node_id": "PRR_x", "user": person("ada"), "body": body, "state": state, "submitted_at": day(7),
            "html_url": f"https://github.com/{owner}/{repo}/pull/{int(pull_number)}#pullrequestreview-900"}


def update_pull_request_branch(owner, repo, pull_number, **_):
    return {"message": "Updating pull request branch.", "url": f"https://github.com/repos/{owner}/{repo}/pulls/{int(pull_number)}"}


def repository(owner, name):
    return {"id": 77, "node_id": "R_77", "name": name, "full_name": f"{owner}/{name}", "private": True, "owner": person(owner),
            "html_url": f"https://github.com/{owner}/{name}", "description": None, "fork": False, "url": f"https://api.github.com/repos/{owner}/{name}",
            "created_at": day(9), "updated_at": day(9), "pushed_at": day(9), "default_branch": "main"}


def create_repository(name, **_):
    return repository("ada", name)


def fork_repository(owner, repo, organization="ada"):
    return repository(organization, repo) | {"fork": True, "parent": repository(owner, repo), "source": repository(owner, repo)}


def push_files(owner, repo, branch, files, message):
    return {"ref": f"refs/heads/{branch}", "node_id": "REF_y", "url": f"https://api.github.com/repos/{owner}/{repo}/git/refs/heads/{branch}",
            "object": {"sha": "f" * 40, "type": "commit", "url": "https://api.github.com/y"}}
