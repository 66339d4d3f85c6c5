# tools: github.get_file_contents, github.search_code
import base64
from collections.abc import Iterable, Iterator

from github import get_file_contents, search_code
import github as gh


def decoded(contents: dict) -> str:
    if contents.get("encoding") == "base64":
        return base64.b64decode(contents["content"]).decode("utf-8", errors="replace")
    return contents.get("content", "")


def todo_lines(hits: Iterable[dict]) -> Iterator[str]:
    for hit in hits:
        owner, _, repo = hit["repository"]["full_name"].partition("/")
        text = decoded(get_file_contents(owner=owner, repo=repo, path=hit["path"]))
        for number, line in enumerate(text.splitlines(), 1):
            if "TODO" in line:
                yield f"{hit['path']}:{number}: {line.strip()}"


first = search_code(q="TODO repo:acme/widgets", per_page=30)
second = gh.search_code(q="FIXME repo:acme/widgets", per_page=30)
result = list(todo_lines(first["items"] + second["items"]))
