"""Claude Code, with servers over HTTP and stdio. Each check takes a folder and the targets by name.

There is no account here, so no model: what it would ask of one goes to a server on this machine that says which tool to call. All
else is Claude Code's own, from the list of tools to the answer that the model would read.
"""

import asyncio
import contextlib
import http.server
import json
import os
import threading

from checks import META_TOOLS
from clients import packages

ALL = []

# The longest that it may take for one command, in seconds.
PATIENCE = 120

# What the script gives shows that it was run, not quoted.
SCRIPT = "everything.get_sum(a=2, b=40).replace('42', 'forty-' + 'two')"
GIVEN = "forty-two"


def check(function):
    ALL.append(function)
    return function


@check
async def it_connects_to_what_it_is_told_to_add(folder, targets):
    home = _home(folder, "connects", targets)
    for name, target in targets.items():
        transport = ["--transport", "http", name, target] if isinstance(target, str) else [name, "--", *target]
        await _claude(home, ["mcp", "add", *transport])
    listed = await _claude(home, ["mcp", "list"])
    for name in targets:
        line = next(line for line in listed.splitlines() if line.startswith(f"{name}:"))
        assert line.endswith("✔ Connected"), listed


@check
async def it_lists_the_four_tools_and_calls_one(folder, targets):
    home = _home(folder, "calls", targets)
    for name in targets:
        tool = f"mcp__{name}__executeToolCode"
        with _model(tool, {"code": SCRIPT}) as (address, asked):
            prompt = ["--print", "Call it.", "--allowedTools", tool, "--output-format", "stream-json", "--verbose"]
            config = ["--mcp-config", str(home / "mcp.json"), "--strict-mcp-config"]
            told = await _claude(home, prompt + config, ANTHROPIC_BASE_URL=address, ANTHROPIC_API_KEY="none")
        begun = next(line for line in map(json.loads, told.splitlines()) if line.get("subtype") == "init")
        assert {"name": name, "status": "connected"}.items() <= _named(begun["mcp_servers"], name).items(), begun["mcp_servers"]
        listed = {listed for listed in begun["tools"] if listed.startswith(f"mcp__{name}__")}
        assert listed == {f"mcp__{name}__{meta_tool}" for meta_tool in META_TOOLS}, listed
        described = _named(asked[0]["tools"], tool)
        assert described["input_schema"]["required"] == ["code"] and described["description"], described
        answers = [block for block in _blocks(asked[-1]) if block["type"] == "tool_result"]
        assert len(answers) == 1 and not answers[0].get("is_error") and GIVEN in json.dumps(answers[0]["content"]), answers


@check
async def setup_puts_exuvia_in_place_of_its_servers_and_takes_it_back(folder, targets):
    exuvia = next(target[0] for target in targets.values() if not isinstance(target, str))
    home = _home(folder, "setup", {})
    await _claude(home, ["mcp", "add", "--scope", "user", "echo", "--", exuvia, "sample", "echo"])
    moved = await _run(home, [exuvia, "setup", "claude-code", "--yes"])
    assert "moves echo" in moved, moved
    listed = await _claude(home, ["mcp", "list"])
    names = [line for line in listed.splitlines() if line.endswith("✔ Connected")]
    assert [line.split(":")[0] for line in names] == ["exuvia"] and "echo:" not in listed, listed
    assert "Connected" in (got := await _claude(home, ["mcp", "get", "exuvia"])), got
    tool = "mcp__exuvia__executeToolCode"
    with _model(tool, {"code": "echo.echo(value='forty-' + 'two')"}) as (address, asked):
        prompt = ["--print", "Call it.", "--allowedTools", tool, "--output-format", "stream-json", "--verbose"]
        told = await _claude(home, prompt, ANTHROPIC_BASE_URL=address, ANTHROPIC_API_KEY="none")
    begun = next(line for line in map(json.loads, told.splitlines()) if line.get("subtype") == "init")
    listed = {listed for listed in begun["tools"] if listed.startswith("mcp__")}
    assert listed == {f"mcp__exuvia__{meta_tool}" for meta_tool in META_TOOLS}, listed
    # Claude Code has written into its file since: its own changes stay.
    await _run(home, [exuvia, "setup", "claude-code", "--undo", "--force", "--yes"])
    listed = await _claude(home, ["mcp", "list"])
    assert "echo:" in listed and "exuvia:" not in listed and "✔ Connected" in listed, listed


def _home(folder, name, targets):
    """A home of its own, in which it finds nothing of this machine's user."""
    home = folder / name
    home.mkdir()
    servers = {
        name: {"type": "http", "url": target} if isinstance(target, str) else {"command": target[0], "args": target[1:]}
        for name, target in targets.items()
    }
    (home / "mcp.json").write_text(json.dumps({"mcpServers": servers}), encoding="utf-8")
    return home


async def _claude(home, arguments, **environment):
    """What it prints."""
    environment |= {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        # All tools are shown to the model at once.
        "ENABLE_TOOL_SEARCH": "false",
        # Its first turn does not wait for servers otherwise.
        "MCP_CONNECTION_NONBLOCKING": "false",
    }
    return await _run(home, [str(packages() / ".bin" / "claude"), *arguments], **environment)


async def _run(home, words, **environment):
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]} | environment
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    program = await asyncio.create_subprocess_exec(*words, env=environment, cwd=home, stdin=nothing, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(PATIENCE):
            output, errors = await program.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            program.kill()
    assert program.returncode == 0, (words, output.decode(), errors.decode())
    return output.decode()


def _named(entries, name):
    return next(entry for entry in entries if entry["name"] == name)


def _blocks(asked):
    contents = (message["content"] for message in asked["messages"])
    return [block for content in contents if isinstance(content, list) for block in content]


@contextlib.contextmanager
def _model(tool, arguments):
    """An endpoint that asks for one call of a tool and is content with any answer; its address, and what it was asked."""
    asked = []

    class Endpoint(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not self.path.startswith("/v1/messages?") or not body.get("tools"):
                return self._answer(404, b"")
            asked.append(body)
            called = any(block["type"] == "tool_result" for block in _blocks(body))
            events = _turn({"type": "text", "text": "done"}) if called else _call(tool, arguments)
            self._answer(200, "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode())

        def _answer(self, status, body):
            self.send_response(status)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def _call(tool, arguments):
    delta = {"type": "input_json_delta", "partial_json": json.dumps(arguments)}
    return _turn({"type": "tool_use", "id": "toolu_1", "name": tool, "input": {}}, delta, "tool_use")


def _turn(block, delta=None, reason="end_turn"):
    """The events of a turn of one block."""
    usage = {"input_tokens": 1, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "none", "content": [], "usage": usage}
    yield {"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None}}
    yield {"type": "content_block_start", "index": 0, "content_block": block}
    if delta:
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    yield {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage}
    yield {"type": "message_stop"}
