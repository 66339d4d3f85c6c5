"""The servers that the suite is sent to: the fixture, and exuvia before it."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

# How long a server may take until it can be asked, in seconds.
START_S = 30


class Server:
    """A process of its own, stopped at the end. `url` is where it speaks MCP."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.log = Path(self.folder.name) / "log"
        self.process = None

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.folder.cleanup()

    def _spawn(self, command, **more):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, **more)

    def _until(self, answer, what):
        """The first true answer, while the process lives and patience lasts."""
        end = time.monotonic() + START_S
        while time.monotonic() < end and self.process.poll() is None:
            if found := answer():
                return found
            time.sleep(0.05)
        raise RuntimeError(f"{what} did not start:\n{self.log.read_text(errors='replace')[-2000:]}")


class Fixture(Server):
    """The fixture of the folder beside this file, in both eras or, as `legacy`, up to 2025-11-25."""

    def __init__(self, legacy=False):
        super().__init__()
        self.more = ["legacy"] if legacy else []

    def _start(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._spawn([sys.executable, "-m", "fixture", str(port), *self.more], cwd=Path(__file__).parent)
        self._until(lambda: _listens(port), "the fixture")
        self.url = f"http://127.0.0.1:{port}/mcp"


class Exuvia(Server):
    """`exuvia serve` with a configuration, on a port that it takes itself."""

    def __init__(self, program, configuration):
        super().__init__()
        self.program = program
        self.configuration = configuration

    def _start(self):
        file = Path(self.folder.name) / "exuvia.toml"
        file.write_text(self.configuration, encoding="utf-8")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "EXUVIA_"))}
        self._spawn(
            [self.program, "serve", "--config", str(file), "--listen", "127.0.0.1:0"],
            env={**environment, "HOME": self.folder.name},
        )
        self.url = self._until(self._said, "exuvia serve")
        ready = self.url.replace("/mcp", "/readyz")
        self._until(lambda: _answers(ready), "exuvia serve")

    def _said(self):
        found = re.search(r"MCP at (http://\S+/mcp)", self.log.read_text(errors="replace"))
        return found and found[1]


def _listens(port):
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def _answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False
