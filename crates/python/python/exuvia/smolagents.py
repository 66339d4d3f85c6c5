"""Exuvia as the Python executor of smolagents' `CodeAgent`: a sandbox, whose variables stay from step to step.

    from smolagents import CodeAgent
    from exuvia.smolagents import ExuviaExecutor

    with ExuviaExecutor() as executor:
        agent = CodeAgent(tools=[...], model=model, executor=executor)
        agent.run("...")

Values go to tools and come from them as JSON: tools that take or return images, audio or other objects cannot be used.
"""

from __future__ import annotations

from typing import Any

from smolagents.local_python_executor import CodeOutput, PythonExecutor  # type: ignore[import-untyped]

from . import Limits, Sandbox, SandboxError, Session, Tool

__all__ = ["ExuviaExecutor"]

DEFAULT_LIMITS = Limits(fuel=200_000_000_000, wall_ms=600_000)

_FINAL = "final_answer"
_TYPES = {"string", "boolean", "integer", "number", "array", "object", "null"}


class ExuviaExecutor(PythonExecutor):  # type: ignore[misc]
    """Runs the steps of an agent in a session of a sandbox. The limits are those of all steps together."""

    def __init__(self, *, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self.state: dict[str, Any] = {"_print_outputs": ""}
        """What `CodeAgent` looks for: what the last step printed."""
        self._tools: dict[str, Any] = {}
        self._variables: dict[str, Any] = {}
        self._session: Session | None = None

    def send_tools(self, tools: dict[str, Any]) -> None:
        """Makes these tools globals of the steps. Other tools than before begin a session anew."""
        if tools != self._tools:
            self.cleanup()
            self._tools = dict(tools)

    def send_variables(self, variables: dict[str, Any]) -> None:
        """Makes these values, which must be JSON, globals of the next step."""
        self._variables.update(variables)

    def __call__(self, code_action: str) -> CodeOutput:
        """Runs a step."""
        if self._session is None or self._session.is_over:
            self._session = self._begin()
        variables, self._variables = self._variables, {}
        try:
            step = self._session.run_sync(code_action, inputs=variables)
        except SandboxError as error:
            self.state["_print_outputs"] = error.logs
            if self._session.is_over:
                error.message += "\nThe variables of earlier steps are lost: the next step begins anew."
            raise
        self.state["_print_outputs"] = step.logs
        output = step.value
        if step.is_final and _FINAL in self._tools:
            output = self._tools[_FINAL](output)
        return CodeOutput(output=output, logs=step.logs, is_final_answer=step.is_final)

    def _begin(self) -> Session:
        tools = [_as_tool(name, tool) for name, tool in self._tools.items() if name != _FINAL]
        sandbox = Sandbox(servers={"agent": tools}, limits=self._limits)
        return sandbox.session(final_answer=True, globals=True)

    def cleanup(self) -> None:
        """Ends the session. The agent calls this at its own end."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def __enter__(self) -> ExuviaExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self.cleanup()


def _as_tool(name: str, tool: Any) -> Tool:
    """A tool of smolagents, or a managed agent, which has the same attributes."""
    inputs: dict[str, dict[str, Any]] = getattr(tool, "inputs", None) or {}
    properties = {key: _schema(given) for key, given in inputs.items()}
    schema = {
        "type": "object",
        "properties": properties,
        "required": [key for key, given in inputs.items() if not given.get("nullable")],
        "additionalProperties": True,
    }
    output = getattr(tool, "output_type", None)
    returned = {"type": output} if output in _TYPES else None
    description = getattr(tool, "description", None) or None
    return Tool(
        function=lambda **given: tool(**given),
        name=name,
        description=description,
        input_schema=schema,
        output_schema=returned,
    )


def _schema(given: dict[str, Any]) -> dict[str, Any]:
    """The schema of an input, whose types may be words of smolagents that JSON Schema does not have: they take anything."""
    kept = ("description", "enum", "items", "properties", "anyOf")
    schema: dict[str, Any] = {key: given[key] for key in kept if key in given}
    named = given.get("type")
    kinds = [named] if isinstance(named, str) else list(named or ())
    if kinds and _TYPES.issuperset(kinds):
        schema["type"] = [*kinds, "null"] if given.get("nullable") else kinds
    return schema
