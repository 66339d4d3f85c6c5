"""Code mode for Pydantic AI: the tools of any toolset as functions of one script.

    from pydantic_ai import Agent, FunctionToolset
    from exuvia.pydantic_ai import CodeToolset

    agent = Agent("...", toolsets=[CodeToolset(FunctionToolset([get_orders, refund]))])
"""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

from pydantic_ai import ModelRetry, RunContext, ToolDefinition
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool, WrapperToolset
from pydantic_core import SchemaValidator, core_schema

from . import Limits, Sandbox, SandboxError, Tool

__all__ = ["CodeToolset"]

DepsT = TypeVar("DepsT")

_ANY_OBJECT = SchemaValidator(core_schema.dict_schema(core_schema.str_schema()))

DEFAULT_LIMITS = Limits(wall_ms=60_000)

_SCHEMA = {
    "type": "object",
    "properties": {"code": {"type": "string", "description": "Python 3.14"}},
    "required": ["code"],
    "additionalProperties": False,
}
_ABOUT = """Runs a Python script in a fresh sandbox. Its result is the value of `result`, or of the last expression; what it prints is \
returned beside it. It has the standard library, no files and no network, and calls these tools as functions:

"""


@dataclasses.dataclass
class CodeToolset(WrapperToolset[DepsT]):
    """One tool, `run_code`, in place of the tools of a toolset, which scripts call as `tools.name(...)`.

    Tools that need an approval, or that run elsewhere, stay tools of the model. A script that fails is sent back to the model as a retry.
    """

    limits: Limits = DEFAULT_LIMITS
    """The limits of each script."""
    max_retries: int = 3
    """How often in a row a script may fail."""
    name: str = "run_code"
    """The name of the tool."""

    async def get_tools(self, ctx: RunContext[DepsT]) -> dict[str, ToolsetTool[DepsT]]:
        """`run_code`, and the tools that a script cannot call."""
        tools = await self.wrapped.get_tools(ctx)
        called = {name: tool for name, tool in tools.items() if tool.tool_def.kind == "function"}
        others = {name: tool for name, tool in tools.items() if name not in called}
        stubs = self._sandbox(ctx, called).stubs
        definition = ToolDefinition(name=self.name, description=_ABOUT + stubs, parameters_json_schema=_SCHEMA)
        own = _CodeTool(
            toolset=self, tool_def=definition, max_retries=self.max_retries, args_validator=_ANY_OBJECT, called=called
        )
        return {self.name: own, **others}

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[DepsT], tool: ToolsetTool[DepsT]
    ) -> Any:
        """Runs a script, or calls one of the other tools."""
        if not isinstance(tool, _CodeTool):
            return await self.wrapped.call_tool(name, tool_args, ctx, tool)
        code = tool_args.get("code")
        if not isinstance(code, str):
            raise ModelRetry("code must be a text")
        try:
            result = await self._sandbox(ctx, tool.called).run(code)
        except SandboxError as error:
            raise ModelRetry(f"{error}\n\nIt printed:\n{error.logs}" if error.logs else str(error)) from error
        return {"result": result.value, "printed": result.logs} if result.logs else result.value

    def _sandbox(self, ctx: RunContext[DepsT], tools: dict[str, ToolsetTool[DepsT]]) -> Sandbox:
        return Sandbox(tools=[self._as_tool(name, tool, ctx) for name, tool in tools.items()], limits=self.limits)

    def _as_tool(self, name: str, tool: ToolsetTool[DepsT], ctx: RunContext[DepsT]) -> Tool:
        async def call(**given: Any) -> Any:
            arguments = tool.args_validator.validate_python(given)
            inner = dataclasses.replace(ctx, tool_name=name)
            return await self.wrapped.call_tool(name, arguments, inner, tool)

        definition = tool.tool_def
        return Tool(
            function=call,
            name=name,
            description=definition.description or "",
            input_schema=definition.parameters_json_schema,
            output_schema=getattr(definition, "return_schema", None),
        )


@dataclasses.dataclass(kw_only=True)
class _CodeTool(ToolsetTool[DepsT]):
    """`run_code`, with the tools that its scripts may call in this step."""

    toolset: AbstractToolset[DepsT]
    called: dict[str, ToolsetTool[DepsT]]
