"""What the servers work on, made anew for each run: files, a repository, a database, a web page, and their configuration."""

import http.server
import json
import os
import sqlite3
import subprocess
import threading
from pathlib import Path

FILES = {"one.txt": "alpha beta", "two.txt": "gamma delta epsilon", "three.txt": "zeta"}

# Author and subject, oldest first.
COMMITS = [("Ada", "Add the engine"), ("Grace", "Add the compiler"), ("Ada", "Mend the engine")]

TEAMS = [("Ada", "hardware"), ("Grace", "software")]

PAGE = "<html><head><title>Prices</title></head><body><article><p>An engine costs 42 pounds.</p></article></body></html>"


def program(name):
    """The program of a real server."""
    folders = os.environ["EXUVIA_INTEROP_SERVERS"].split(":")
    return next(str(path) for folder in folders if (path := Path(folder) / f"mcp-server-{name}").exists())


class World:
    def __init__(self, folder):
        self.folder = folder
        self.files = self._files()
        self.repository = self._repository()
        self.database = self._database()
        self.page = self._page()
        self.config = self._config()

    def _files(self):
        files = self.folder / "files"
        files.mkdir()
        for name, text in FILES.items():
            (files / name).write_text(text, encoding="utf-8")
        return files

    def _repository(self):
        repository = self.folder / "repository"
        git = ["git", "-C", str(repository), "-c", "user.email=nobody@example.com"]
        subprocess.run(["git", "init", "--quiet", str(repository)], check=True)
        for number, (author, subject) in enumerate(COMMITS):
            (repository / f"{number}.txt").write_text(subject, encoding="utf-8")
            subprocess.run([*git, "add", "."], check=True)
            subprocess.run([*git, "-c", f"user.name={author}", "commit", "--quiet", "-m", subject], check=True)
        return repository

    def _database(self):
        database = self.folder / "teams.db"
        with sqlite3.connect(database) as connection:
            connection.execute("CREATE TABLE teams (name TEXT, team TEXT)")
            connection.executemany("INSERT INTO teams VALUES (?, ?)", TEAMS)
        connection.close()
        return database

    def _page(self):
        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                found = self.path == "/prices.html"
                body = PAGE.encode() if found else b""
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/prices.html"

    def _config(self):
        """An `mcpServers` file as clients write it."""
        memory = {"MEMORY_FILE_PATH": str(self.folder / "memory.jsonl")}
        servers = {
            "everything": {"command": program("everything"), "args": ["stdio"]},
            "fetch": {"command": program("fetch"), "args": ["--allow-private-ips"]},
            "filesystem": {"command": program("filesystem"), "args": [str(self.files)]},
            "git": {"command": program("git"), "args": ["--repository", str(self.repository)]},
            "memory": {"command": program("memory"), "env": memory},
            "sqlite": {"command": program("sqlite"), "args": ["--db-path", str(self.database)]},
            "time": {"command": program("time"), "args": ["--local-timezone", "UTC"]},
        }
        path = self.folder / "mcp.json"
        path.write_text(json.dumps({"mcpServers": servers}), encoding="utf-8")
        return path
