"""The clients that the checks drive. Each is a context manager that opens a connection to a target and gives what has
`list_tools` and `call_tool` as the official Python client has them; those that stay connected have its `list_resources` and `read_resource` too.

A target is a URL, or the command and arguments of a server on stdio.
"""

import asyncio
import contextlib
import itertools
import json
import os
from pathlib import Path

import mcp_types
from mcp import Client, StdioServerParameters

HERE = Path(__file__).parent

# The longest that one answer may take, in seconds.
PATIENCE = 60

# The longest line that is read, in bytes.
LINE = 16 << 20


def packages():
    """Where the packages of Node.js are."""
    return Path(os.environ["EXUVIA_INTEROP_CLIENTS"])


def python(mode, target):
    """The official Python client."""
    if not isinstance(target, str):
        command, *arguments = target
        target = StdioServerParameters(command=command, args=arguments)
    return Client(target, mode=mode, read_timeout_seconds=PATIENCE)


@contextlib.asynccontextmanager
async def typescript(package, mode, target):
    """The official TypeScript client: of the package `client`, or of `sdk`, the one before it."""
    target = [target] if isinstance(target, str) else target
    command = ["node", str(HERE / "client.mjs"), str(packages()), package, mode, *target]
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=LINE)
    client = TypeScript(program)
    try:
        await client.open()
        yield client
    finally:
        await client.close()


class TypeScript:
    """One running `client.mjs`."""

    def __init__(self, program):
        self.program = program
        self.ids = itertools.count()
        self.waiting = {}
        self.reading = None

    async def open(self):
        async with asyncio.timeout(PATIENCE):
            line = await self.program.stdout.readline()
        assert line, "the TypeScript client did not connect"
        agreed = json.loads(line)
        self.protocol_version = agreed["version"]
        server = agreed.get("server")
        self.server_info = server and mcp_types.Implementation.model_validate(server)
        self.reading = asyncio.create_task(self._read())

    async def close(self):
        self.program.stdin.close()
        try:
            async with asyncio.timeout(PATIENCE):
                status = await self.program.wait()
        except TimeoutError:
            self.program.kill()
            raise
        if self.reading:
            await self.reading
            assert status == 0, f"the TypeScript client ended with {status}"

    async def list_tools(self):
        return mcp_types.ListToolsResult.model_validate(await self._ask({"do": "list"}))

    async def list_resources(self):
        return mcp_types.ListResourcesResult.model_validate(await self._ask({"do": "resources"}))

    async def read_resource(self, uri):
        return mcp_types.ReadResourceResult.model_validate(await self._ask({"do": "read", "uri": uri}))

    async def call_tool(self, name, arguments=None, progress_callback=None):
        asked = {"do": "call", "name": name, "arguments": arguments or {}, "progress": progress_callback is not None}
        return mcp_types.CallToolResult.model_validate(await self._ask(asked, progress_callback))

    async def _ask(self, asked, on_progress=None):
        number = next(self.ids)
        answer = asyncio.get_running_loop().create_future()
        self.waiting[number] = answer, on_progress
        self._write({"id": number, **asked})
        try:
            async with asyncio.timeout(PATIENCE):
                return await answer
        except asyncio.CancelledError:
            self._write({"id": number, "do": "cancel"})
            raise
        finally:
            del self.waiting[number]

    def _write(self, line):
        self.program.stdin.write(json.dumps(line).encode() + b"\n")

    async def _read(self):
        async for line in self.program.stdout:
            told = json.loads(line)
            answer, on_progress = self.waiting.get(told["id"], (None, None))
            if answer is None or answer.done():
                continue
            if progress := told.get("progress"):
                await on_progress(progress["progress"], progress.get("total"), progress.get("message"))
            elif "error" in told:
                answer.set_exception(RuntimeError(told["error"]))
            else:
                answer.set_result(told["value"])
        for answer, _on_progress in self.waiting.values():
            if not answer.done():
                answer.set_exception(RuntimeError("the TypeScript client is gone"))


@contextlib.asynccontextmanager
async def inspector(era, target):
    """The inspector's command line, which opens a connection for each request."""
    yield Inspector(era, [target] if isinstance(target, str) else target)


class Inspector:
    def __init__(self, era, target):
        program = packages() / ".bin" / "mcp-inspector"
        self.command = [str(program), "--cli", *target, "--protocol-era", era, "--format", "json", "--quiet"]

    async def list_tools(self):
        # Strict: a schema that some other client would not take fails.
        return mcp_types.ListToolsResult.model_validate(await self._ask("tools/list", "--strict"))

    async def call_tool(self, name, arguments=None):
        given = ["--tool-name", name, "--tool-args-json", json.dumps(arguments or {})]
        return mcp_types.CallToolResult.model_validate(await self._ask("tools/call", *given))

    async def _ask(self, method, *options):
        pipe = asyncio.subprocess.PIPE
        program = await asyncio.create_subprocess_exec(*self.command, "--method", method, *options, stdout=pipe, stderr=pipe)
        async with asyncio.timeout(PATIENCE):
            output, errors = await program.communicate()
        # Its status for a tool's own error is 5.
        assert output and program.returncode in (0, 5), (program.returncode, errors.decode())
        return json.loads(output)["result"]
