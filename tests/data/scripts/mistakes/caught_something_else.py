# finds: 3 unknown-tool, 6 missing-argument
try:
    github.search_everything(query="x")
except (ToolError, ToolDenied, KeyError) as e:
    try:
        github.get_issue(owner="acme")
    except AttributeError:
        pass
result = None
