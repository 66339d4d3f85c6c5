"""A program that runs, and what is measured of it."""

import asyncio
import contextlib
import time

import psutil
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from programs import ANSWERS, CALLS

# The longest that one answer may take, in seconds.
PATIENCE = 120


class Running:
    def __init__(self, program, log):
        self.program = program
        self.log = log
        # In seconds, by script; `start` is the time from the start of the program to its first answer.
        self.times = {script: [] for script in ("start", "nothing", "in turn", "at once")}
        # In bytes, by moment.
        self.memory = {}
        # Why it is not measured further.
        self.broken = program.absent

    @contextlib.asynccontextmanager
    async def connected(self):
        """Starts it, and asks it for one call."""
        command, *arguments = self.program.command
        others = set(psutil.Process().children())
        started = time.perf_counter()
        server = stdio_client(StdioServerParameters(command=command, args=arguments), errlog=self.log)
        async with Client(server, read_timeout_seconds=PATIENCE) as self.client:
            await self._asked("one")
            self.times["start"].append(time.perf_counter() - started)
            (self.process,) = set(psutil.Process().children()) - others
            yield

    async def take(self, script):
        """Takes the time of one answer."""
        started = time.perf_counter()
        await self._asked(script)
        self.times[script].append(time.perf_counter() - started)

    async def weigh(self, moment):
        """Adds up the resident memory of its processes, without the server that all have behind them."""
        processes = [self.process, *self.process.children(recursive=True)]
        behind = [process for process in processes[1:] if process.cmdline()[-2:] == ["sample", "crm"]]
        self.memory[moment] = sum(process.memory_info().rss for process in processes if process not in behind)

    async def _asked(self, script):
        answer = await (self._run(script) if self.program.tool else self._calls(script))
        assert answer == str(ANSWERS[script]), f"{script}: {answer!r}"

    async def _run(self, script):
        answer = await self.client.call_tool(self.program.tool, {"code": self.program.scripts[script]})
        return "\n".join(block.text for block in answer.content).strip()

    async def _calls(self, script):
        """What the script would do, done by the client."""
        if script == "nothing":
            return "2"
        contacts = range(1, 2 if script == "one" else CALLS + 1)
        if script == "at once":
            return str(sum(await asyncio.gather(*map(self._call, contacts))))
        return str(sum([await self._call(contact) for contact in contacts]))

    async def _call(self, contact):
        answer = await self.client.call_tool("get_contact", {"contact_id": contact})
        return answer.structured_content["id"]
