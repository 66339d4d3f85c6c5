# tools: filesystem.edit_file, filesystem.read_multiple_files, filesystem.search_files
import difflib
import re

paths = [p for p in str(filesystem.search_files(path="/etc/app", pattern="*.toml")).splitlines() if p.endswith(".toml")]
print(f"{len(paths)} files")
blob = filesystem.read_multiple_files(paths=paths) if paths else ""
sections = re.split(r"^(?=/etc/app/\S+:$)", blob if isinstance(blob, str) else str(blob), flags=re.M)

RENAMES = {"max_conns": "max_connections", "timeout_s": "timeout_seconds"}
pattern = re.compile(r"^(\s*)(" + "|".join(map(re.escape, RENAMES)) + r")(\s*=)", re.M)


def migrate(text: str) -> str:
    return pattern.sub(lambda m: f"{m[1]}{RENAMES[m[2]]}{m[3]}", text)


previews = {}
for section in sections:
    head, _, body = section.partition(":\n")
    path = head.strip()
    changed = migrate(body)
    if changed == body:
        continue
    diff = difflib.unified_diff(body.splitlines(), changed.splitlines(), path, path, lineterm="", n=0)
    edits = [
        {"oldText": old, "newText": new}
        for old, new in zip(body.splitlines(), changed.splitlines(), strict=True)
        if old != new
    ]
    answer = filesystem.edit_file(path=path, edits=edits, dryRun=True)
    previews[path] = {"diff": "\n".join(diff), "edits": len(edits), "answer": str(answer)[:200]}

result = previews
