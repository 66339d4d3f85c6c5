"""FastMCP's code mode over stdio: `fastmcp_server.py COMMAND ARGUMENT...` with the tools of that server behind it, and
`fastmcp_server.py` with one tool in its own process, which is how it is mostly used."""

import sys

from fastmcp import FastMCP
from fastmcp.experimental.transforms.code_mode import CodeMode
from fastmcp.server import create_proxy

command = sys.argv[1:]
if command:
    server = create_proxy({"mcpServers": {"crm": {"command": command[0], "args": command[1:]}}})
else:
    server = FastMCP("crm")

    @server.tool
    def get_contact(contact_id: int) -> dict:
        """Returns one contact."""
        return {
            "id": contact_id,
            "name": "Barbara Kovacs",
            "email": f"barbara.kovacs{contact_id}@fjord-foods.example",
            "company": "Fjord Foods",
            "city": "Pune",
            "country": "IN",
            "segment": "enterprise",
            "created": "2016-09-04",
        }


# Without this it ends a script at its 51st call.
server.add_transform(CodeMode(max_tool_calls=None))
server.run("stdio", show_banner=False)
