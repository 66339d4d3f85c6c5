"""`exuvia serve`, as a context manager that gives the URL of its endpoint."""

import asyncio
import contextlib
import re
import signal
import urllib.error
import urllib.request

from checks import WHOLE_ANSWERS

# How long it may take until its servers are ready, and to end, in seconds.
READY = 60
END = 30


@contextlib.asynccontextmanager
async def serve(exuvia, config):
    """Runs it with the servers of that file on a free port until the block ends, then asks it to end, which it must do well."""
    command = [exuvia, "serve", *WHOLE_ANSWERS, "--listen", "127.0.0.1:0", "--auto-execute", "*.*", "--mcp-config", str(config)]
    program = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    said = []
    try:
        async with asyncio.timeout(READY):
            url = await _address(program, said)
            listening = asyncio.create_task(_listen(program, said))
            while await asyncio.to_thread(_status, url.removesuffix("mcp") + "readyz") != 200:
                await asyncio.sleep(0.1)
        yield url
        program.send_signal(signal.SIGTERM)
        async with asyncio.timeout(END):
            status = await program.wait()
        assert status == 0, (status, "".join(said))
        await listening
    except BaseException:
        print("".join(said))
        raise
    finally:
        if program.returncode is None:
            program.kill()


async def _address(program, said):
    while line := (await program.stderr.readline()).decode():
        said.append(line)
        if found := re.search(r"MCP at (http://127\.0\.0\.1:\d+/mcp)\b", line):
            return found.group(1)
    raise AssertionError(f"it did not say where it listens: {said}")


async def _listen(program, said):
    async for line in program.stderr:
        said.append(line.decode())


def _status(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def get(url):
    """The text that a URL answers with."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()
