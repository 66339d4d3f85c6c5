# finds: 2 unknown-argument, 3 repeated-argument
git.git_status("/projects/widgets", "verbose")
git.git_show("/projects/widgets", "HEAD", repo_path="/projects/other")
result = None
