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

# Scripts, what they come to here, and what the default sandbox says of them.
BEYOND_MONTY = {
    "inheritance": (
        """
class Shape:
    def __init__(self, side): self.side = side
class Square(Shape):
    def area(self): return self.side ** 2
side = await call_tool("add", {"a": 1, "b": 1})
return Square(side["result"]).area()
""",
        4,
        "does not yet support class inheritance",
    ),
    "generators": (
        """
async def sides(n):
    for i in range(n):
        yield (await call_tool("add", {"a": i, "b": 1}))["result"]
return [side async for side in sides(3)]
""",
        [1, 2, 3],
        "does not yet support yield expressions",
    ),
    "statistics": ("import statistics\nreturn statistics.median([4, 16, 9])", 9, "No module named 'statistics'"),
}
UNCAUGHT = "orders = {'a': 1}\nreturn orders['b']"


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


@pytest.mark.parametrize(("code", "value"), [case[:2] for case in BEYOND_MONTY.values()], ids=list(BEYOND_MONTY))
def test_scripts_have_the_whole_language(code: str, value: Any) -> None:
    result = execute(code)
    assert not result.is_error, result
    assert json.loads(result.content[0].text) == value


@pytest.mark.parametrize(("code", "said"), [case[::2] for case in BEYOND_MONTY.values()], ids=list(BEYOND_MONTY))
def test_its_default_sandbox_cannot_run_them(code: str, said: str) -> None:
    pytest.importorskip("pydantic_monty")
    from fastmcp.experimental.transforms.code_mode import MontySandboxProvider

    result = execute(code, MontySandboxProvider())
    assert result.is_error and said in result.content[0].text


def test_an_uncaught_error_says_where_it_happened() -> None:
    result = execute(UNCAUGHT)
    assert result.is_error
    text = result.content[0].text
    assert "KeyError: 'b'" in text and "> 2 | return orders['b']" in text and "session" not in text


def test_its_default_sandbox_does_not_say_where() -> None:
    pytest.importorskip("pydantic_monty")
    from fastmcp.experimental.transforms.code_mode import MontySandboxProvider

    result = execute(UNCAUGHT, MontySandboxProvider())
    text = result.content[0].text
    assert result.is_error and "KeyError: b" in text and "return orders" not in text and "2" not in text


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
