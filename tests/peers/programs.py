"""What is measured: how each program starts, and the scripts in its own dialect."""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

# The calls of a long script.
CALLS = 100

# What each script must answer: the sum of the numbers of the contacts that it asked for.
ANSWERS = {"nothing": 2, "one": 1, "in turn": sum(range(1, CALLS + 1)), "at once": sum(range(1, CALLS + 1))}

# What prints the version of each package.
VERSIONS = """
import importlib.metadata, platform, sys
print(", ".join(f"{name} {importlib.metadata.version(name)}" for name in sys.argv[1:]), "on Python", platform.python_version())
"""


@dataclass
class Program:
    name: str
    command: list[str]
    # The tool that takes scripts; none: the client makes the calls itself.
    tool: str = ""
    scripts: dict[str, str] = field(default_factory=dict)
    version: str = ""
    # Why it cannot be measured, if it cannot.
    absent: str = ""


def programs(exuvia, cache):
    """All of them; behind each, the sample CRM as a server on stdio."""
    upstream = [exuvia, "sample", "crm"]
    config = cache / "peers.json"
    config.write_text(json.dumps({"mcpServers": {"crm": {"command": upstream[0], "args": upstream[1:]}}}), encoding="utf-8")
    ours = {"version": subprocess.check_output([exuvia, "-V"], text=True).strip()}
    fastmcp = [str(cache / "fastmcp" / "bin" / "python"), str(Path(__file__).parent / "fastmcp_server.py")]
    theirs = _installed(cache, "fastmcp", "fastmcp", "pydantic-monty")
    in_monty = _scripts("call_tool('get_contact', {'contact_id': NUMBER})", "await ", "return ANSWER")
    return [
        Program("no script, the client calls the server", upstream, **ours),
        Program(
            "`exuvia stdio`",
            [exuvia, "stdio", "--mcp-config", str(config), "--auto-execute", "*.*"],
            "executeToolCode",
            _scripts("crm.get_contact(contact_id=NUMBER)", "", "result = ANSWER"),
            **ours,
        ),
        Program("FastMCP's code mode", [*fastmcp, *upstream], "execute", in_monty, **theirs),
        Program("the same, the tool in its own process", fastmcp, "execute", in_monty, **theirs),
        Program(
            "`eryx serve`",
            [str(cache / "eryx" / "bin" / "eryx"), "serve", "--mcp-config", str(config)],
            "run_python",
            _scripts("mcp['crm'].get_contact(contact_id=NUMBER)", "await ", "print(ANSWER)"),
            **_installed(cache, "eryx", "pyeryx"),
        ),
    ]


def _scripts(call, waits, gives):
    """Scripts that make no call, one, all one after the other, and all at once, for a dialect that calls, waits for the value of
    a call, and gives an answer so."""
    value = f"({waits}{call})['id']"
    numbers = f"range(1, {CALLS + 1})"
    bodies = {
        "nothing": ("", "1 + 1"),
        "one": ("", value.replace("NUMBER", "1")),
        "in turn": (f"total = 0\nfor number in {numbers}:\n    total += {value.replace('NUMBER', 'number')}\n", "total"),
        "at once": (
            f"import asyncio\nfound = await asyncio.gather(*[{call.replace('NUMBER', 'number')} for number in {numbers}])\n",
            "sum([one['id'] for one in found])",
        ),
    }
    return {name: before + gives.replace("ANSWER", answer) for name, (before, answer) in bodies.items()}


def _installed(cache, folder, *packages):
    """The versions of the packages, or why they are not there."""
    python = cache / folder / "bin" / "python"
    if not python.exists():
        why = (cache / f"{folder}.why").read_text(encoding="utf-8").strip() or "no reason was given"
        return {"absent": f"it cannot be installed: {why.splitlines()[-1]}"}
    return {"version": subprocess.check_output([python, "-c", VERSIONS, *packages], text=True).strip()}
