"""Exuvia as the sandbox of FastMCP's code mode.

    from fastmcp import FastMCP
    from fastmcp.experimental.transforms.code_mode import CodeMode
    from exuvia.fastmcp import ExuviaSandboxProvider

    server = FastMCP("crm", transforms=[CodeMode(sandbox_provider=ExuviaSandboxProvider())])
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from fastmcp.exceptions import ToolError as FastMCPToolError

from . import Limits, Sandbox, SandboxError, Tool, ToolError

__all__ = ["ExuviaSandboxProvider"]

DEFAULT_LIMITS = Limits(wall_ms=60_000)


class ExuviaSandboxProvider:
    """A `SandboxProvider`: runs each script in a fresh CPython. Cancelling a request stops its script."""

    def __init__(self, *, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits

    async def run(
        self,
        code: str,
        *,
        inputs: dict[str, Any] | None = None,
        external_functions: dict[str, Callable[..., Any]] | None = None,
    ) -> Any:
        """Runs a script that sees these functions and values as globals. Raises FastMCP's `ToolError` if it comes to no result."""
        functions = external_functions or {}
        tools = [Tool(function=_as_tool(function), name=name) for name, function in functions.items()]
        sandbox = Sandbox(servers={"host": tools}, limits=self._limits)
        async with sandbox.session(globals=True) as session:
            try:
                return (await session.run(code, inputs=inputs)).value
            except SandboxError as error:
                raise FastMCPToolError(str(error)) from error


def _as_tool(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, whose failures say to the script what they say to FastMCP."""

    @functools.wraps(function)
    async def call(*positional: Any, **keywords: Any) -> Any:
        try:
            value = function(*positional, **keywords)
            return await value if inspect.isawaitable(value) else value
        except Exception as error:
            raise ToolError(str(error)) from error

    return call
