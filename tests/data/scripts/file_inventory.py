# tools: filesystem.directory_tree, filesystem.get_file_info
import json
import os.path
from collections import Counter, deque

ROOT = "/projects/site"
tree = filesystem.directory_tree(path=ROOT, excludePatterns=["node_modules", ".git"])
tree = json.loads(tree) if isinstance(tree, str) else tree
if isinstance(tree, dict):
    tree = tree.get("content", tree.get("children", []))
if isinstance(tree, str):
    tree = json.loads(tree)

files = []
queue = deque((ROOT, entry) for entry in tree)
while queue:
    parent, entry = queue.popleft()
    path = os.path.join(parent, entry["name"])
    if entry["type"] == "directory":
        queue.extend((path, child) for child in entry.get("children", ()))
    else:
        files.append(path)

extensions = Counter(os.path.splitext(path)[1].lower() or "(none)" for path in files)
print(f"{len(files)} files below {ROOT}")
for extension, count in extensions.most_common(8):
    print(f"  {extension:<8}{count:>6}")

big = []
for path in files:
    if path.endswith((".png", ".jpg", ".mp4")):
        info = filesystem.get_file_info(path=path)
        lines = dict(line.split(": ", 1) for line in str(info).splitlines() if ": " in line)
        size = int(lines.get("size", 0))
        if size > 1_000_000:
            big.append((size, path))

result = [{"path": path, "megabytes": round(size / 1e6, 1)} for size, path in sorted(big, reverse=True)]
