"""Runs a script by the official client, which answers what servers ask: `exuvia run` has nobody to ask."""

from mcp import Client, StdioServerParameters
from mcp_types import ElicitResult


async def answer(_context, params):
    """Sends the form as it is shown: with its defaults."""
    properties = params.requested_schema.get("properties", {})
    return ElicitResult(action="accept", content={name: field.get("default", "x") for name, field in properties.items()})


async def run(command, environment, script):
    """What the script came to."""
    target = StdioServerParameters(command=command[0], args=command[1:], env=environment)
    async with Client(target, elicitation_callback=answer) as client:
        result = await client.call_tool("executeToolCode", {"code": script})
        return result.content[0].text
