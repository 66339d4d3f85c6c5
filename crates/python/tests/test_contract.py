"""The contract suite of `tests/contract`, by plain tools in synchronous code and by async tools in a task."""

import asyncio
import json
import os
import pathlib
import sys
from typing import Any

import exuvia
import pytest
from exuvia import Limits, Sandbox, Tool

CONTRACT = pathlib.Path(os.environ.get("EXUVIA_CONTRACT", pathlib.Path(__file__).parents[3] / "tests/contract"))
sys.path.insert(0, str(CONTRACT))

suite: Any = pytest.importorskip("suite")

CANNOT = json.loads((CONTRACT / "hosts/python.json").read_text())["cannot"]
CASES = [case for case in suite.cases() if not set(case.get("needs", [])) & set(CANNOT)]

FAILURES = {
    "tool-failed": exuvia.ToolError,
    "denied": exuvia.ToolDenied,
    "upstream-unavailable": exuvia.ToolUnavailable,
}


def tool(server: str, described: dict[str, Any], answers: Any, is_async: bool) -> Tool:
    def call(**arguments: Any) -> Any:
        try:
            return answers(server, described["name"], arguments)
        except suite.Failure as failure:
            raise FAILURES[failure.code](failure.message, failure.data) from None

    async def call_async(**arguments: Any) -> Any:
        return await asyncio.to_thread(call, **arguments)

    return Tool(
        function=call_async if is_async else call,
        name=described["name"],
        description=described["description"],
        input_schema=described["input_schema"],
    )


def ending(error: exuvia.SandboxError) -> Any:
    made = suite.Ending("raised", message=str(error), log=error.logs)
    match error:
        case exuvia.Denied():
            made.outcome = "denied"
        case exuvia.LimitReached():
            made.outcome, made.limit, made.line = "stopped", error.limit, error.line
    if isinstance(error, exuvia.ScriptError):
        made.kind, made.line, made.message = error.kind, error.line, error.message
    made.calls = [[call.server, call.tool, call.outcome] for call in error.calls]
    return made


def run(case: dict[str, Any], is_async: bool) -> Any:
    answers = suite.Answers(case)
    servers = {
        server["name"]: [tool(server["name"], one, answers, is_async) for one in server["tools"]] for server in suite.SERVERS
    }
    sandbox = Sandbox(servers=servers, limits=Limits(**{"wall_ms": 60_000} | case.get("limits", {})))
    script = "\n".join(case["script"])
    try:
        result = asyncio.run(sandbox.run(script)) if is_async else sandbox.run_sync(script)
    except exuvia.SandboxError as error:
        return ending(error)
    text = json.dumps(result.value, ensure_ascii=False, separators=(",", ":"))
    calls = [[call.server, call.tool, call.outcome] for call in result.calls]
    return suite.Ending("returned", result=text, log=result.logs, calls=calls)


def test_there_are_many_cases() -> None:
    assert len(CASES) >= 60


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any], is_async: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "NEVER_S", 2)
    assert suite.wrong(case, run(case, is_async)) == []
