# finds: 11 unknown-tool, 12 missing-argument
class Report:
    """Its own attribute is called like a server; its methods mean the server all the same."""

    git = "/projects/widgets"

    def __init__(self, fetch):
        self.fetch = fetch.fetch_all("x")

    def log(self):
        history = git.git_history(repo_path=self.git)
        return [*history, git.git_status()]


result = None
