"""What must hold of `exuvia run` and `exuvia tools` with the real servers. Each check takes the program and the world."""

import asyncio
import json

from servers import JOINED, LISTED, join

ALL = []


def check(function):
    ALL.append(function)
    return function


async def exuvia_prints(exuvia, arguments, config, source=""):
    """What the program writes to its standard output."""
    command = [exuvia, *arguments, "--mcp-config", str(config)]
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    async with asyncio.timeout(60):
        output, errors = await program.communicate(source.encode())
    assert program.returncode == 0, (program.returncode, errors.decode())
    return output.decode()


@check
async def tools_lists_all_servers(exuvia, world):
    listed = await exuvia_prints(exuvia, ["tools"], world.config)
    assert all(f"{name}.pyi" in listed for name in LISTED), listed


@check
async def run_joins_git_sqlite_and_filesystem(exuvia, world):
    assert json.loads(await exuvia_prints(exuvia, ["run", "-"], world.config, join(world))) == JOINED
