"""What scripts of other environments write, and what to write here for it."""

import ast
import difflib
import re

from exuvia.servers import Server

_PACKAGES = {
    "bs4": "use html.parser, or a tool that returns text",
    "dateutil": "use datetime.fromisoformat and zoneinfo",
    "dotenv": "a script has no environment; secrets are with the servers",
    "lxml": "use xml.etree.ElementTree",
    "matplotlib": "return the numbers",
    "nest_asyncio": "leave it out: top-level `await` and `asyncio.run` both work",
    "numpy": "use statistics, math and lists",
    "pandas": 'use lists of dicts with sorted, collections.Counter, statistics, csv; or sqlite3.connect(":memory:")',
    "pydantic": "use dataclasses, or dicts as they are",
    "pytz": "use zoneinfo.ZoneInfo",
    "tabulate": "return a list of dicts",
    "tqdm": "leave it out",
    "typing_extensions": "use typing",
    "yaml": "use json, or read the lines yourself",
}

# How clients call a tool by its name.
_CALLERS = frozenset({
    "call_tool", "callTool", "call_mcp_tool", "execute_tool", "invoke_tool", "mcp_call_tool", "run_tool", "use_mcp_tool",
    "use_tool",
})

# What a script writes in place of a meta-tool.
_META_TOOLS = {
    "executeToolCode": "write its code here",
    "getToolDocs": "here `help(server.tool)` prints them",
    "listToolFiles": 'here `mcp.search("what it does")` finds tools',
    "readToolFile": "here `help(server)` prints the signatures",
}
_META_TOOLS |= {re.sub("([A-Z])", r"_\1", name).lower(): here for name, here in _META_TOOLS.items()}


def instead_of_package(name):
    """What to use instead of a package, or None."""
    return _PACKAGES.get(name.partition(".")[0]) if isinstance(name, str) else None


def instead_of_meta_tool(name):
    """What to write instead of a meta-tool of the gateway, or None."""
    here = _META_TOOLS.get(name)
    return here and f"{name} is a tool of yours, not of scripts; {here}"


def instead_of_name(name, names, node):
    """What to write instead of a name that is not defined, or None. `node` is where it stands."""
    servers = {key: server for key, server in names.items() if type(server) is Server}
    if instead := instead_of_meta_tool(name):
        return instead
    if name in _CALLERS:
        return _of_caller(node, servers)
    bare = name.removeprefix("mcp__").removeprefix("mcp_")
    for server, proxy in servers.items():
        for start in (f"{server}__", f"{server}_"):
            if bare.startswith(start) and len(bare) > len(start):
                return _tool(server, proxy, bare[len(start) :], "__" in start)
    return None


def _tool(server, proxy, tool, is_certain):
    tools = dir(proxy)
    if tool in tools:
        return f"write {server}.{tool}(...)"
    close = difflib.get_close_matches(tool, tools, 1) if is_certain else []
    return f"write {server}.{close[0]}(...)" if close else None


def _of_caller(node, servers):
    """`call_tool("crm", "get", {"id": 1})` is `crm.get(id=1)`."""
    given = [arg.value for arg in node.args if isinstance(arg, ast.Constant)] if isinstance(node, ast.Call) else []
    texts = [text for text in given if isinstance(text, str)]
    for text in texts:
        server, _dot, tool = text.partition(".")
        if server in servers:
            tool = tool or next((other for other in texts if other in dir(servers[server])), "tool")
            return f"write {server}.{tool}(name=value): servers are globals"
    for server, proxy in servers.items():
        tool = next((text for text in texts if text in dir(proxy)), None)
        if tool is not None:
            return f"write {server}.{tool}(name=value): servers are globals"
    return "write server.tool(name=value): servers are globals, " + ", ".join(list(servers)[:8])
