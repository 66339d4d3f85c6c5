# Files of a project, as @modelcontextprotocol/server-filesystem answers: a text, and the same as {"content": ...}.
SERVICES = ["auth", "billing", "search", "mail", "export"]


def content(path):
    name = path.rsplit("/", 1)[-1]
    if name.endswith(".log"):
        seed = sum(map(ord, name))
        line = lambda n: f"2026-11-{1 + n % 28:02}T{n % 24:02}:{n * 7 % 60:02}:{n * 13 % 60:02}Z {'ERROR' if (n + seed) % 11 == 0 else 'WARN' if n % 7 == 0 else 'INFO'} {SERVICES[n % 5]} request {n} took {n * 37 % 900} ms"
        return "\n".join(line(n) for n in range(600))
    if name.endswith(".csv"):
        return "date,region,product,units,price\n" + "\n".join(f"2026-{1 + n % 11:02}-{1 + n % 28:02},{['north', 'south', 'east', 'west'][n % 4]},p{n % 9},{n * 7 % 23},{10 + n * 3 % 40}" for n in range(400))
    if name.endswith(".json"):
        return '{"name": "%s", "port": %d, "replicas": %d, "features": ["a", "b"], "timeout_ms": %d}' % (name[:-5], 8000 + len(name), len(name) % 4 + 1, len(name) * 500)
    if name.endswith(".md"):
        return f"# {name}\n\n" + "\n\n".join(f"## Section {n}\n\n{'TODO: ' if n % 4 == 0 else ''}This part of the manual describes how service {SERVICES[n % 5]} is deployed, observed and rolled back by the team on call." for n in range(30))
    raise ValueError(f"ENOENT: no such file or directory, open '{path}'")


FILES = {
    "/srv/data": ["sales.csv", "returns.csv", "readme.md"],
    "/srv/logs": ["app.log", "worker.log", "gateway.log"],
    "/srv/config": [f"{name}.json" for name in SERVICES],
    "/srv/docs": ["deploy.md", "oncall.md", "style.md", "security.md"],
}


def told(text):
    return text, {"content": text}


def read_text_file(path, head=None, tail=None):
    lines = content(path).split("\n")
    if head:
        lines = lines[: int(head)]
    if tail:
        lines = lines[-int(tail) :]
    return told("\n".join(lines))


read_file = read_text_file


def read_multiple_files(paths):
    return told("\n---\n".join(f"{path}:\n{content(path)}\n" for path in paths))


def list_directory(path):
    names = FILES.get(path.rstrip("/"))
    if names is None and path.rstrip("/") != "/srv":
        raise ValueError(f"ENOENT: no such file or directory, scandir '{path}'")
    return told("\n".join(f"[FILE] {name}" for name in names) if names else "\n".join(f"[DIR] {name.rsplit('/')[-1]}" for name in FILES))


def search_files(path, pattern, **_):
    import fnmatch

    found = [f"{folder}/{name}" for folder, names in FILES.items() if folder.startswith(path.rstrip("/")) for name in names if fnmatch.fnmatch(name, pattern.rsplit("/", 1)[-1])]
    return told("\n".join(found) or "No matches found")


def directory_tree(path, **_):
    import json

    return told(json.dumps([{"name": folder.rsplit("/")[-1], "type": "directory", "children": [{"name": name, "type": "file"} for name in names]} for folder, names in FILES.items()], indent=2))


def get_file_info(path):
    size = len(content(path))
    return told(f"size: {size}\ncreated: Mon Nov 02 2026 09:00:00 GMT+0000\nmodified: Fri Nov 27 2026 17:30:00 GMT+0000\naccessed: Sun Nov 29 2026 10:00:00 GMT+0000\nisDirectory: false\nisFile: true\npermissions: 644")


def list_directory_with_sizes(path, **_):
    names = FILES[path.rstrip("/")]
    sizes = {name: len(content(f"{path}/{name}")) for name in names}
    return told("\n".join(f"[FILE] {name:30} {size / 1024:.2f} KB" for name, size in sizes.items()) + f"\n\nTotal: {len(names)} files, 0 directories\nCombined size: {sum(sizes.values()) / 1024:.2f} KB")


def write_file(path, content):
    return told(f"Successfully wrote to {path}")


def edit_file(path, edits, **_):
    return told("```diff\n" + "\n".join(f"-{edit['oldText']}\n+{edit['newText']}" for edit in edits) + "\n```\n\n")


def create_directory(path):
    return told(f"Successfully created directory {path}")


def move_file(source, destination):
    return told(f"Successfully moved {source} to {destination}")


def list_allowed_directories():
    return told("Allowed directories:\n/srv")
