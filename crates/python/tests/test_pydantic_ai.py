"""Pydantic AI with a scripted model: the tools of a toolset as functions of a script."""

import asyncio
from typing import Any

import pytest

pytest.importorskip("pydantic_ai")

from exuvia.pydantic_ai import CodeToolset  # noqa: E402
from pydantic import BaseModel  # noqa: E402
from pydantic_ai import Agent, FunctionToolset, RunContext  # noqa: E402
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart  # noqa: E402
from pydantic_ai.models.function import AgentInfo, FunctionModel  # noqa: E402


class Order(BaseModel):
    id: int
    amount: float


def get_orders(ctx: RunContext[str], customer: int) -> list[Order]:
    """Orders of a customer."""
    return [Order(id=n, amount=n * 1.5) for n in range(customer)]


async def greet(name: str) -> str:
    """Greets somebody."""
    await asyncio.sleep(0)
    return f"Hello {name}"


def refund(order: int) -> str:
    """Gives money back."""
    return f"refunded {order}"


def agent(*codes: str) -> tuple[Agent[str, str], list[Any]]:
    seen: list[Any] = []
    left = list(codes)

    def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        seen.append((messages[-1], {tool.name: tool for tool in info.function_tools}))
        if left:
            return ModelResponse(parts=[ToolCallPart("run_code", {"code": left.pop(0)})])
        return ModelResponse(parts=[TextPart("done")])

    tools = FunctionToolset[str]([get_orders, greet])
    tools.add_function(refund, requires_approval=True)
    return Agent(FunctionModel(model), deps_type=str, toolsets=[CodeToolset(tools)]), seen


def returned(seen: list[Any], turn: int) -> Any:
    return seen[turn][0].parts[0].content


def test_a_script_calls_the_tools_of_a_toolset() -> None:
    code = "orders = tools.get_orders(customer=4)\nresult = [sum(o['amount'] for o in orders), tools.greet(name='Ada')]"
    one, seen = agent(code, "print('log')\nn = 7\nn")
    assert one.run_sync("?", deps="x").output == "done"
    assert returned(seen, 1) == [9.0, "Hello Ada"] and returned(seen, 2) == {"result": 7, "printed": "log\n"}


def test_the_model_reads_stubs_in_place_of_schemas() -> None:
    one, seen = agent("1")
    one.run_sync("?", deps="x")
    tools = seen[0][1]
    assert set(tools) == {"run_code", "refund"}
    assert "get_orders(customer: int)" in tools["run_code"].description and "refund" not in tools["run_code"].description


def test_a_script_that_fails_comes_back_to_the_model() -> None:
    one, seen = agent("print('log')\ntools.get_orders(customer='x')", "2")
    assert one.run_sync("?", deps="x").output == "done"
    assert "customer must be integer" in returned(seen, 1) and "log" in returned(seen, 1)
    assert returned(seen, 2) == 2
