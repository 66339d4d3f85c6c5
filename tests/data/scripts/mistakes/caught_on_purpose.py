# finds: nothing
import contextlib

try:
    hits = github.search_everything(query="x")
except AttributeError:
    hits = github.search_code(q="x")["items"]

with contextlib.suppress(Exception):
    github.get_issue(owner="acme")

if "list_repositories" in dir(github):
    github.list_repositories(owner="acme")

try:
    pandas.DataFrame([])
except NameError:
    print("no pandas")

search = getattr(git, "search", None) or getattr(mcp, "searcher", None)

options = {"page": 2}
more = github.list_issues("acme", "widgets", **options)
if options.get("never"):
    eval_ = None
result = [hits, more]
