"""Drives `exuvia stdio`, with two reference servers behind it, by the official Python client, in both protocol eras.

interop.py EXUVIA FOLDER-OF-SERVERS
"""

import asyncio
import json
import sys
import tempfile
import traceback
from pathlib import Path

from mcp import Client, StdioServerParameters

import checks

# How the client opens the connection, and the version that must come of it.
ERAS = {
    "legacy": "2025-11-25",
    "auto": "2026-07-28",
    "2026-07-28": "2026-07-28",
}

FILES = {"one.txt": "alpha beta", "two.txt": "gamma delta epsilon", "three.txt": "zeta"}


def sandbox(folder):
    """A folder for the filesystem server, with known files."""
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def configuration(folder, servers, files):
    """An `mcpServers` file as clients write it."""
    entries = {
        "everything": {"command": str(servers / "mcp-server-everything"), "args": ["stdio"]},
        "filesystem": {"command": str(servers / "mcp-server-filesystem"), "args": [str(files)]},
    }
    path = folder / "mcp.json"
    path.write_text(json.dumps({"mcpServers": entries}), encoding="utf-8")
    return path


async def drive(mode, version, exuvia, config, files):
    """All checks over one connection. Returns how many passed and how many failed."""
    passed = failed = 0
    server = StdioServerParameters(command=exuvia, args=["stdio", "--mcp-config", str(config)])
    async with Client(server, mode=mode, read_timeout_seconds=60) as client:
        for check in checks.ALL:
            try:
                await check(client, version, files)
                passed += 1
            except Exception:
                failed += 1
                print(f"{mode}: {check.__name__} failed", file=sys.stderr)
                traceback.print_exc()
    return passed, failed


async def main(exuvia, servers):
    totals = [0, 0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        (folder / "files").mkdir()
        files = sandbox(folder / "files")
        config = configuration(folder, Path(servers), files)
        for mode, version in ERAS.items():
            async with asyncio.timeout(120):
                passed, failed = await drive(mode, version, exuvia, config, files)
            print(f"mode {mode}, speaking {version}: {passed} passed, {failed} failed")
            totals = [totals[0] + passed, totals[1] + failed]
    print(f"{totals[0]} passed, {totals[1]} failed")
    return 1 if totals[1] else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
