"""smolagents' CodeAgent with a scripted model, and Exuvia as its executor."""

from typing import Any

import pytest

smolagents = pytest.importorskip("smolagents")

import exuvia  # noqa: E402
from exuvia import Limits  # noqa: E402
from exuvia.smolagents import ExuviaExecutor  # noqa: E402

Tool: Any = smolagents.Tool


class Price(Tool):  # type: ignore[misc]
    name = "get_price"
    description = "The price of a product."
    inputs = {"sku": {"type": "string", "description": "Its number"}, "factor": {"type": "integer", "description": "Times", "nullable": True}}
    output_type = "number"

    def forward(self, sku: str, factor: int = 1) -> float:
        return len(sku) * 1.5 * factor


class Scripted(smolagents.Model):  # type: ignore[name-defined,misc]
    """Answers what it was made with, one after the other."""

    def __init__(self, *codes: str) -> None:
        super().__init__(model_id="scripted")
        self.answers = [f"Thought: next.\n<code>\n{code}\n</code>" for code in codes]
        self.seen: list[str] = []

    def generate(self, messages: list[Any], **options: Any) -> Any:
        self.seen.append(str(messages[-1].content))
        content = self.answers.pop(0)
        return smolagents.ChatMessage(role=smolagents.MessageRole.ASSISTANT, content=content)


def agent(model: Any, executor: ExuviaExecutor) -> Any:
    return smolagents.CodeAgent(tools=[Price()], model=model, executor=executor, verbosity_level=0)


def test_three_steps_that_depend_on_each_other() -> None:
    model = Scripted(
        "class Cart:\n    def __init__(self): self.lines = {}\ncart = Cart()\ncart.lines['abc'] = get_price('abc')\nprint(cart.lines)",
        "cart.lines['de'] = get_price(sku='de', factor=2)\nlines = (v for v in cart.lines.values())\nprint(next(lines))",
        "final_answer(sum(lines) + cart.lines['abc'])",
    )
    with ExuviaExecutor() as executor:
        assert agent(model, executor).run("What does it cost?") == 10.5
    assert "{'abc': 4.5}" in model.seen[1] and "4.5" in model.seen[2]


def test_an_error_is_shown_to_the_model_and_state_stays() -> None:
    model = Scripted("x = 20\nprint('log')", "print('tried')\nx / 0", "final_answer(x + 1)")
    with ExuviaExecutor() as executor:
        one = agent(model, executor)
        assert one.run("?") == 21
        failed = one.memory.steps[2]
        assert "ZeroDivisionError" in str(failed.error) and "> 2 | x / 0" in str(failed.error)
        assert "tried" in failed.observations


def test_variables_of_the_caller_are_there_and_a_second_run_goes_on() -> None:
    model = Scripted("y = n + 1\nfinal_answer(y)", "final_answer(y + n)")
    with ExuviaExecutor() as executor:
        one = agent(model, executor)
        assert one.run("?", additional_args={"n": 4}) == 5
        assert one.run("?", reset=False) == 9


def test_a_limit_ends_the_session_and_says_so() -> None:
    with ExuviaExecutor(limits=Limits(fuel=1_000_000_000)) as executor:
        executor.send_tools({})
        executor("x = 1")
        with pytest.raises(exuvia.OutOfFuel, match="variables of earlier steps are lost"):
            executor("while True: pass")
        assert executor("2").output == 2
        with pytest.raises(exuvia.ScriptError, match="NameError"):
            executor("x")


def test_a_crash_says_that_the_variables_are_lost() -> None:
    with ExuviaExecutor() as executor:
        executor.send_tools({})
        executor("x = 1")
        with pytest.raises(exuvia.ScriptError) as caught:
            executor("import os; os.abort()")
        assert caught.value.kind == "crashed" and "variables of earlier steps are lost" in str(caught.value)


def test_nothing_of_the_machine_is_reached() -> None:
    with ExuviaExecutor() as executor:
        executor.send_tools({})
        with pytest.raises(exuvia.ScriptError, match="no files"):
            executor("open('/etc/passwd').read()")
        assert executor("import os; dict(os.environ)").output == {}
