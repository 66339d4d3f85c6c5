"""Real servers over HTTP behind Exuvia: the reference server over Streamable HTTP and over HTTP+SSE, and one made with the
official Python package, over Streamable HTTP in the modern era. Each check takes the program, the configuration and the URL."""

import asyncio
import contextlib
import json
import os
import socket
import sys

from checks import result_of, text_of
from clients import python
from daemon import get
from terminal import exuvia_prints
from world import program

ALL = []

# How long a server may take until it listens, in seconds.
READY = 30

# A server on the official package; its port is its argument.
LEDGER = """
import sys
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("ledger")
entries = []

@server.tool()
def enter(amount: int, note: str) -> dict:
    "Enters an amount, and tells the balance."
    entries.append(amount)
    return {"balance": sum(entries), "note": note}

@server.tool()
async def refuse() -> str:
    "Fails."
    raise ToolError("the ledger is closed")

@server.tool()
async def version(context: Context) -> str:
    "Tells which version of the protocol this request speaks."
    return context.protocol_version

server.run("streamable-http", port=int(sys.argv[1]))
"""


def check(function):
    ALL.append(function)
    return function


@contextlib.asynccontextmanager
async def servers(folder):
    """Runs them until the block ends; gives the configuration that names them."""
    everything = program("everything")
    ports = dict.fromkeys(("streamable", "sse", "ledger"))
    for name in ports:
        ports[name] = _free_port()
    ledger = folder / "ledger.py"
    ledger.write_text(LEDGER, encoding="utf-8")
    async with contextlib.AsyncExitStack() as stack:
        for name, command in (
            ("streamable", [everything, "streamableHttp"]),
            ("sse", [everything, "sse"]),
            ("ledger", [sys.executable, str(ledger), str(ports["ledger"])]),
        ):
            await stack.enter_async_context(_server(command, ports[name], folder / f"{name}.log"))
        config = folder / "mcp.json"
        config.write_text(json.dumps({"mcpServers": {
            "streamable": {"type": "http", "url": f"http://127.0.0.1:{ports['streamable']}/mcp"},
            "sse": {"type": "sse", "url": f"http://127.0.0.1:{ports['sse']}/sse"},
            # What it speaks is not said: it is found out.
            "ledger": {"url": f"http://127.0.0.1:{ports['ledger']}/mcp"},
        }}), encoding="utf-8")
        yield config


@contextlib.asynccontextmanager
async def _server(command, port, log):
    with log.open("wb") as output:
        environment = {**os.environ, "PORT": str(port)}
        server = await asyncio.create_subprocess_exec(*command, env=environment, stdout=output, stderr=output)
    try:
        async with asyncio.timeout(READY):
            while not await _listens(port):
                assert server.returncode is None, log.read_text(encoding="utf-8")
                await asyncio.sleep(0.05)
        yield
    finally:
        if server.returncode is None:
            server.kill()
        await server.wait()


def _free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


async def _listens(port):
    try:
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


CALL_ALL = """
import asyncio
echoed, added, weather, entered = await asyncio.gather(
    streamable.echo(message="hi"), sse.get_sum(a=2, b=40),
    streamable.get_structured_content(location="Chicago"), ledger.enter(amount=7, note="from a script"))
result = ["hi" in echoed, "42" in added, sorted(weather), entered["balance"] >= 7, entered["note"]]
"""

CALLED = [True, True, ["conditions", "humidity", "temperature"], True, "from a script"]


@check
async def a_client_over_http_lists_and_calls_them(_exuvia, _config, url):
    for mode in ("legacy", "auto"):
        async with python(mode, url) as client:
            listed = dict(line.split() for line in (await text_of(client, "listToolFiles")).splitlines()[1:])
            assert int(listed["streamable.pyi"]) > 10 and listed["sse.pyi"] == listed["streamable.pyi"], listed
            assert listed["ledger.pyi"] == "3", listed
            assert await result_of(client, CALL_ALL) == CALLED


@check
async def each_is_spoken_to_in_its_own_way(_exuvia, config, url):
    logs = {name: (config.parent / f"{name}.log").read_text(encoding="utf-8") for name in ("streamable", "sse")}
    assert "Session initialized" in logs["streamable"], logs["streamable"]
    assert "Client Message from" in logs["sse"], logs["sse"]
    async with python("auto", url) as client:
        assert await result_of(client, "ledger.version()") == {"result": "2026-07-28"}


@check
async def run_and_tools_reach_them(exuvia, config, _url):
    assert json.loads(await exuvia_prints(exuvia, ["run", "-"], config, CALL_ALL)) == CALLED
    listed = await exuvia_prints(exuvia, ["tools"], config)
    assert all(f"{name}.pyi" in listed for name in ("streamable", "sse", "ledger")), listed


@check
async def fifty_calls_at_once_keep_their_answers(_exuvia, _config, url):
    code = """
import asyncio
said = await asyncio.gather(*[(streamable, sse)[n % 2].echo(message=f"<{n}>") for n in range(50)])
result = [f"<{n}>" in text for n, text in enumerate(said)]
"""
    async with python("auto", url) as client:
        assert await result_of(client, code) == [True] * 50


@check
async def their_errors_are_errors_of_the_script(_exuvia, _config, url):
    code = """
result = []
for call in (lambda: ledger.refuse(), lambda: sse.simulate_research_query(topic="x")):
    try:
        call()
    except ToolError as error:
        result.append([error.server, error.tool, str(error)])
"""
    async with python("auto", url) as client:
        refused, *_rest = await result_of(client, code)
    assert refused[:2] == ["ledger", "refuse"] and "the ledger is closed" in refused[2], refused


@check
async def calls_are_counted_by_server(_exuvia, _config, url):
    counted = get(url.removesuffix("mcp") + "metrics")
    for name in ("streamable", "sse", "ledger"):
        assert f'exuvia_calls_total{{server="{name}",outcome="ok"}}' in counted, counted
