"""FastMCP's code mode with Exuvia as its sandbox, answering a client."""

import asyncio
import json
from typing import Any

import pytest

fastmcp = pytest.importorskip("fastmcp")

from exuvia import Limits  # noqa: E402
from exuvia.fastmcp import ExuviaSandboxProvider  # noqa: E402
from fastmcp.exceptions import ToolError  # noqa: E402
from fastmcp.experimental.transforms.code_mode import CodeMode, SandboxProvider  # noqa: E402

PROVIDER: SandboxProvider = ExuviaSandboxProvider()

BEYOND_MONTY = """
import statistics

class Shape:
    def area(self): raise NotImplementedError
class Square(Shape):
    def __init__(self, side): self.side = side
    def area(self): return self.side ** 2

async def sides(n):
    for i in range(1, n + 1):
        yield (await call_tool("add", {"a": i, "b": 1}))["result"]

areas = [Square(side).area() async for side in sides(3)]
return {"areas": areas, "median": statistics.median(areas)}
"""


def server(provider: SandboxProvider = PROVIDER, **options: Any) -> Any:
    made = fastmcp.FastMCP("test", transforms=[CodeMode(sandbox_provider=provider, **options)])

    @made.tool  # type: ignore[untyped-decorator]
    def add(a: int, b: int) -> int:
        """Adds two numbers."""
        return a + b

    @made.tool  # type: ignore[untyped-decorator]
    async def wait() -> str:
        """Waits for long."""
        await asyncio.sleep(3600)
        return "never"

    return made


def execute(code: str, provider: SandboxProvider = PROVIDER, **options: Any) -> Any:
    async def run() -> Any:
        async with fastmcp.Client(server(provider, **options)) as client:
            return await client.call_tool("execute", {"code": code}, raise_on_error=False)

    return asyncio.run(run())


def test_a_client_is_answered() -> None:
    result = execute("x = await call_tool('add', {'a': 1, 'b': 2})\nreturn x['result'] * 10")
    assert not result.is_error and json.loads(result.content[0].text) == 30


def test_inheritance_generators_and_statistics() -> None:
    result = execute(BEYOND_MONTY)
    assert not result.is_error, result
    assert json.loads(result.content[0].text) == {"areas": [4, 9, 16], "median": 9}


def test_its_default_sandbox_cannot_run_that() -> None:
    pytest.importorskip("pydantic_monty")
    from fastmcp.experimental.transforms.code_mode import MontySandboxProvider

    assert execute(BEYOND_MONTY, MontySandboxProvider()).is_error


def test_an_uncaught_error_says_where_it_happened() -> None:
    result = execute("orders = {'a': 1}\nreturn orders['b']")
    assert result.is_error
    text = result.content[0].text
    assert "KeyError: 'b'" in text and "> 2 | return orders['b']" in text and "session" not in text


def test_a_failed_call_raises_with_the_words_of_fastmcp() -> None:
    result = execute("try:\n    await call_tool('add', {'a': 1})\nexcept Exception as error:\n    return str(error)")
    assert "call_tool('add') failed" in result.content[0].text
    assert "Valid parameters for add" in result.content[0].text


def test_limits_and_timeouts_are_errors_of_the_tool() -> None:
    result = execute("while True: pass", ExuviaSandboxProvider(limits=Limits(fuel=100_000_000)))
    assert result.is_error and "units of fuel" in result.content[0].text
    result = execute("await call_tool('wait', {})", wall_clock_timeout_secs=0.3)
    assert result.is_error and "wall-clock limit" in result.content[0].text


def test_inputs_are_globals() -> None:
    assert asyncio.run(PROVIDER.run("return n + 1", inputs={"n": 1})) == 2
    with pytest.raises(ToolError, match="NameError"):
        asyncio.run(PROVIDER.run("return n"))
