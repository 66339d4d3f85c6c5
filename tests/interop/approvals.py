"""Approvals, and a server's question in the middle of a script's call, by the official Python client in both eras
on either side.

approvals.py EXUVIA; `approvals.py serve` is the server behind it. `just elicitation` runs it.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import mcp_types
from mcp import Client, StdioServerParameters
from mcp.server import MCPServer
from mcp.server.mcpserver import Elicit, Resolve
from pydantic import BaseModel

SCRIPT = "result = [shop.refund(order=7), shop.choose()]"
EXPECTED = {"approve": '["refunded 7","blue"]', "deny": "a person denied it: not today", "decline": "awaiting approval"}


class Choice(BaseModel):
    color: str


def serve():
    server = MCPServer("shop")

    @server.tool()
    def refund(order: int) -> str:
        return f"refunded {order}"

    def which() -> Elicit[Choice]:
        return Elicit("Which color?", Choice)

    @server.tool()
    def choose(choice: Annotated[Choice, Resolve(which)]) -> str:
        return choice.color

    server.run()


def person(decision, seen):
    """Answers as somebody does who reads the form."""

    async def answer(_context, params):
        seen.append(params.message)
        properties = params.requested_schema["properties"]
        if "color" in properties:
            return mcp_types.ElicitResult(action="accept", content={"color": "blue"})
        if decision == "decline":
            return mcp_types.ElicitResult(action="decline")
        field = next(name for name in properties if name.startswith("decision_"))
        return mcp_types.ElicitResult(action="accept", content={field: decision, "reason": "not today"})

    return answer


async def check(exuvia, config, mode, era, decision):
    seen = []
    target = StdioServerParameters(command=exuvia, args=["stdio", "--config", str(config)])
    client = Client(target, mode=mode, elicitation_callback=person(decision, seen), read_timeout_seconds=60)
    async with client:
        result = await client.call_tool("executeToolCode", {"code": SCRIPT})
    text = result.content[0].text
    assert EXPECTED[decision] in text, (mode, decision, text)
    assert '{"order":7}' in seen[0] and SCRIPT in seen[0], seen[0]
    assert len(seen) == (2 if decision == "approve" else 1), seen
    print(f"{mode} client, {era} server, {decision}: {len(seen)} questions")


async def both(exuvia, era):
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "exuvia.toml"
        command, arguments = json.dumps(sys.executable), json.dumps([__file__, "serve"])
        config.write_text(
            f"[servers.shop]\ncommand = {command}\nargs = {arguments}\nera = '{era}'\nauto_execute = ['choose']\non_unlisted = 'ask-at-call'\n"
            f"[journal]\npath = {json.dumps(str(Path(folder) / 'journal'))}\n[limits]\nhold_ms = 1000\n",
            encoding="utf-8",
        )
        for mode in ("legacy", "2026-07-28"):
            for decision in EXPECTED:
                await check(exuvia, config, mode, era, decision)


async def main(exuvia):
    for era in ("legacy", "modern"):
        await both(exuvia, era)


if __name__ == "__main__":
    serve() if sys.argv[1] == "serve" else asyncio.run(main(sys.argv[1]))
