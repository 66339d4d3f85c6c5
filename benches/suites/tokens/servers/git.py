# A repository, as mcp-server-git answers: texts.
def git_log(repo_path, max_count=10, **_):
    entry = lambda n: f"Commit: '{n * 7919:040x}'\nAuthor: <git.Actor \"{['Ada', 'Bo', 'Chen'][n % 3]} <{['ada', 'bo', 'chen'][n % 3]}@acme.example>\">\nDate: 2026-11-{28 - n % 28:02} 1{n % 10}:00:00+00:00\nMessage: '{['Fix', 'Add', 'Remove'][n % 3]} part {n}\\n'\n"
    return "Commit history:\n" + "\n".join(entry(n) for n in range(max_count))


def git_status(repo_path):
    return "Repository status:\nOn branch main\nChanges not staged for commit:\n\tmodified:   src/lib.rs\n\tmodified:   README.md\n\nUntracked files:\n\tnotes.txt\n"


def git_diff(repo_path, target, **_):
    return f"Diff with {target}:\n" + "\n".join(f"diff --git a/src/m{n}.rs b/src/m{n}.rs\n@@ -1,4 +1,6 @@\n-old line {n}\n+new line {n}\n+another {n}" for n in range(40))


git_diff_unstaged = lambda repo_path, **_: git_diff(repo_path, "index")


def git_branch(repo_path, branch_type, **_):
    return "* main\n" + "\n".join(f"  feature-{n}" for n in range(20))


def git_show(repo_path, revision):
    return f"Commit: '{revision}'\nAuthor: Ada\nDate: 2026-11-20\nMessage: 'Fix part'\n" + "\n".join(f"+line {n}" for n in range(120))
