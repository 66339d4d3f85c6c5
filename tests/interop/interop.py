"""Drives Exuvia with real servers behind it, by real clients: in `WAYS` stands each way, by the first word of what is printed.

interop.py EXUVIA [WAY...]; the environment tells where the packages are, see `run`.
"""

import asyncio
import contextlib
import functools
import sys
import tempfile
import time
import traceback
from pathlib import Path

import checks
import claude_code
import clients
import connected
import daemon
import functions
import many
import remote
import servers
import terminal
from world import World

LEGACY, MODERN = "2025-11-25", "2026-07-28"

# Clients that stay connected, by name: how they open a connection, and the version that must come of it.
CONNECTED = {
    "python legacy": (functools.partial(clients.python, "legacy"), LEGACY),
    "python auto": (functools.partial(clients.python, "auto"), MODERN),
    "python pinned": (functools.partial(clients.python, MODERN), MODERN),
    "typescript before 2026": (functools.partial(clients.typescript, "sdk", "legacy"), LEGACY),
    "typescript legacy": (functools.partial(clients.typescript, "client", "legacy"), LEGACY),
    "typescript auto": (functools.partial(clients.typescript, "client", "auto"), MODERN),
    "typescript pinned": (functools.partial(clients.typescript, "client", MODERN), MODERN),
}

INSPECTOR = {
    "inspector legacy": (functools.partial(clients.inspector, "legacy"), LEGACY),
    "inspector modern": (functools.partial(clients.inspector, "modern"), MODERN),
}

EVERY_CHECK = checks.ALL + servers.ALL


class Tally:
    """How many checks passed, and which failed."""

    def __init__(self):
        self.passed = 0
        self.failed = []

    async def run(self, way, check, *arguments):
        try:
            await check(*arguments)
            self.passed += 1
        except Exception:
            self.fail(f"{way}: {check.__name__}")

    def fail(self, what):
        self.failed.append(what)
        print(f"{what} failed", file=sys.stderr)
        traceback.print_exc()

    @contextlib.asynccontextmanager
    async def part(self, way):
        """A part of a way: what breaks it off is a failure, and the other parts go on."""
        passed, started = self.passed, time.monotonic()
        try:
            yield
        except Exception:
            self.fail(way)
        print(f"{way}: {self.passed - passed} passed in {time.monotonic() - started:.0f} s", flush=True)


@contextlib.contextmanager
def world():
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield World(Path(folder).resolve())


async def drive(tally, way, chosen, target, around, which):
    """Some checks by each of these clients."""
    for name, (client, version) in chosen.items():
        async with tally.part(f"{way}, {name}"), asyncio.timeout(300), client(target) as connection:
            for check in which:
                await tally.run(f"{way}, {name}", check, connection, version, around)


async def over_stdio(tally, exuvia):
    """Each client starts a server of its own."""
    for name, client in CONNECTED.items():
        with world() as around:
            which = EVERY_CHECK + connected.ALL
            await drive(tally, "stdio", {name: client}, _on_stdio(exuvia, around), around, which)
    with world() as around:
        # It starts all servers anew for each request.
        which = [checks.lists_the_four_tools, checks.calls_everything, checks.an_error_names_the_line_and_the_calls]
        await drive(tally, "stdio", INSPECTOR, _on_stdio(exuvia, around), around, which)


async def over_http(tally, exuvia):
    """All clients share one server, first one after the other, then at once."""
    with world() as around:
        async with tally.part("http, until it ended"), daemon.serve(exuvia, around.config) as url:
            await drive(tally, "http", CONNECTED, url, around, EVERY_CHECK + connected.ALL)
            await drive(tally, "http", INSPECTOR, url, around, checks.ALL)
            async with tally.part("http, many at once"):
                for check in many.ALL:
                    await tally.run("http, many at once", check, CONNECTED, url)


async def by_claude_code(tally, exuvia):
    with world() as around:
        async with tally.part("claude-code"), daemon.serve(exuvia, around.config) as url:
            targets = {"over-http": url, "over-stdio": _on_stdio(exuvia, around)}
            for check in claude_code.ALL:
                await tally.run("claude-code", check, around.folder, targets)


async def of_remote_servers(tally, exuvia):
    with tempfile.TemporaryDirectory() as folder:
        async with tally.part("remote"), remote.servers(Path(folder)) as config, daemon.serve(exuvia, config) as url:
            for check in remote.ALL:
                await tally.run("remote", check, exuvia, config, url)


async def of_functions(tally, exuvia):
    """Each client sees one promoted, changed and retired."""
    for name, (client, _version) in CONNECTED.items():
        with tempfile.TemporaryDirectory() as folder:
            saved = functions.Saved(exuvia, Path(folder).resolve())
            async with tally.part(f"functions, {name}"):
                for check in functions.ALL:
                    await tally.run(f"functions, {name}", check, client, saved)


async def by_terminal(tally, exuvia):
    with world() as around:
        async with tally.part("terminal"):
            for check in terminal.ALL:
                await tally.run("terminal", check, exuvia, around)


WAYS = {
    "stdio": over_stdio,
    "http": over_http,
    "claude-code": by_claude_code,
    "remote": of_remote_servers,
    "functions": of_functions,
    "terminal": by_terminal,
}


def _on_stdio(exuvia, around):
    return [exuvia, "stdio", *checks.WHOLE_ANSWERS, "--auto-execute", "*.*", "--mcp-config", str(around.config)]


async def main(exuvia, *ways):
    tally = Tally()
    for way in ways or WAYS:
        await WAYS[way](tally, exuvia)
    print(f"{tally.passed} passed, {len(tally.failed)} failed")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
