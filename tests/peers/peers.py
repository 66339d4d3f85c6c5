"""Measures what a script costs, end to end over stdio, by the official Python client: peers.py EXUVIA CACHE ROUNDS.

Prints a table in Markdown, and what it was measured on. The programs take turns: other work on the machine meets all alike.
"""

import asyncio
import contextlib
import importlib.metadata
import os
import platform
import statistics
import sys
from pathlib import Path

from programs import CALLS, programs
from running import Running

# How often each is started.
STARTS = 5

# How long nothing is asked before memory is read, in seconds.
REST = 2

COLUMNS = ["", "start to first answer", "no call", f"{CALLS} calls in turn", "per call", f"{CALLS} at once", "at rest", "after"]


async def main(exuvia, cache, rounds):
    cache, rounds, load = Path(cache), int(rounds), os.getloadavg()[0]
    with (cache / "peers.log").open("w", encoding="utf-8") as log:
        runnings = [Running(program, log) for program in programs(exuvia, cache)]
        for _ in range(STARTS - 1):
            for running in runnings:
                await attempt(running, start_and_stop, running)
        async with contextlib.AsyncExitStack() as stack:
            for running in runnings:
                await attempt(running, start, running, stack)
            await weigh(runnings, "at rest")
            for _ in range(rounds):
                for script in ("nothing", "in turn", "at once"):
                    for running in runnings:
                        await attempt(running, running.take, script)
            await weigh(runnings, "after")
    print("\n".join([*table(runnings), "", *circumstances(runnings, rounds, load)]))
    ours = next(running for running in runnings if running.program.tool)
    return 1 if ours.broken else 0


async def attempt(running, step, *arguments):
    """Takes a step with one; what goes wrong is told in its row, and the others go on."""
    if running.broken:
        return
    try:
        await step(*arguments)
    except Exception as error:
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        running.broken = f"{type(error).__name__}: {error}".replace("\n", " ")[:200]


async def start_and_stop(running):
    async with running.connected():
        pass


async def start(running, stack):
    await stack.enter_async_context(running.connected())


async def weigh(runnings, moment):
    await asyncio.sleep(REST)
    for running in runnings:
        await attempt(running, running.weigh, moment)


def table(runnings):
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---" * len(COLUMNS) + "|"
    for running in runnings:
        yield f"| {running.program.name} | {running.broken or ' | '.join(cells(running))} |"


def cells(running):
    median = {script: statistics.median(times) for script, times in running.times.items()}
    # The client makes no call for no call.
    nothing = median["nothing"] if running.program.tool else 0
    yield milliseconds(median["start"])
    yield milliseconds(nothing) if nothing else "-"
    yield milliseconds(median["in turn"])
    yield f"{(median['in turn'] - nothing) / CALLS * 1e6:.0f} µs"
    yield milliseconds(median["at once"])
    for moment in ("at rest", "after"):
        yield f"{running.memory[moment] / (1 << 20):.0f} MiB"


def milliseconds(seconds):
    return f"{seconds * 1e3:.{0 if seconds >= 0.1 else 1}f} ms"


def circumstances(runnings, rounds, load):
    yield (
        f"Medians of {STARTS} starts and of {rounds} rounds in which the programs take turns. The first answer has one call"
        f" behind it; 'per call' is what each of the {CALLS} adds to a script without one. Memory: resident, of all processes of"
        " the program but the server behind it. A script gets a new interpreter from Exuvia (CPython) and FastMCP (Monty); eryx"
        " (CPython) keeps one for all scripts."
    )
    yield f"Machine: {platform.machine()}, {os.cpu_count()} cores, {processor()}, {platform.system()} {platform.release()}."
    yield f"Load before: {load:.1f}" + ("; other work made this slower." if load > 0.3 else ".")
    versions = dict.fromkeys(running.program.version for running in runnings if running.program.version)
    client = f"mcp {importlib.metadata.version('mcp')} on Python {platform.python_version()}"
    yield f"Versions: {'; '.join(versions)}; the client is {client}."


def processor():
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "processor unknown"


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
