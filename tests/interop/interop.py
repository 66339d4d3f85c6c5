"""Drives Exuvia with real servers behind it: `exuvia stdio` by the official Python client, in both protocol eras, and
`exuvia run` and `exuvia tools` as a person would.

interop.py EXUVIA FOLDER-OF-SERVERS...
"""

import asyncio
import sys
import tempfile
import traceback
from pathlib import Path

from mcp import Client, StdioServerParameters

import checks
import servers
import terminal
from world import World

# How the client opens the connection, and the version that must come of it.
ERAS = {
    "legacy": "2025-11-25",
    "auto": "2026-07-28",
    "2026-07-28": "2026-07-28",
}


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
            self.failed.append(f"{way}: {check.__name__}")
            print(f"{way}: {check.__name__} failed", file=sys.stderr)
            traceback.print_exc()


async def over_stdio(tally, exuvia, mode, version, world):
    """All checks over one connection."""
    server = StdioServerParameters(command=exuvia, args=["stdio", "--auto-execute", "*.*", "--mcp-config", str(world.config)])
    async with asyncio.timeout(180), Client(server, mode=mode, read_timeout_seconds=60) as client:
        for check in checks.ALL + servers.ALL:
            await tally.run(f"stdio, {mode}", check, client, version, world)


async def main(exuvia, *programs):
    tally = Tally()
    for mode, version in ERAS.items():
        with tempfile.TemporaryDirectory() as folder:
            world = World(Path(folder).resolve(), programs)
            await over_stdio(tally, exuvia, mode, version, world)
            print(f"stdio, {mode}, speaking {version}: {tally.passed} passed so far")
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder).resolve(), programs)
        for check in terminal.ALL:
            await tally.run("terminal", check, exuvia, world)
    print(f"{tally.passed} passed, {len(tally.failed)} failed")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
