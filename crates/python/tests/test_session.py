"""Sessions: state from step to step."""

import asyncio
import time
from typing import Any

import exuvia
import pytest
from exuvia import CallEnded, CallStarted, Event, Limits, Log, Sandbox


def lookup(name: str) -> int:
    """The number of a name."""
    return len(name)


async def lookup_later(name: str) -> int:
    """The same."""
    await asyncio.sleep(0)
    return len(name)


SANDBOX = Sandbox(tools=[lookup, lookup_later])


def test_variables_functions_classes_and_generators_stay() -> None:
    with SANDBOX.session() as session:
        session.run_sync("import math\nclass A:\n    n = 1\ndef gen():\n    yield from range(3)\ng = gen()\nnext(g)")
        session.run_sync("class B(A):\n    n = A.n + 1\nnext(g)")
        step = session.run_sync("print('here')\n[B.n, next(g), math.sqrt(4)]")
        assert (step.value, step.logs, step.calls, step.is_final) == ([2, 2, 2.0], "here\n", (), False)


def test_async_steps() -> None:
    async def run() -> None:
        async with SANDBOX.session() as session:
            await session.run("import asyncio\nnames = ['a', 'bb']")
            code = "await asyncio.gather(*[tools.lookup_later(name=n) for n in names])"
            step = await session.run(code, returns=list[int])
            assert step.value == [1, 2] and [call.tool for call in step.calls] == ["lookup_later"] * 2
            assert (await session.run("names[1]")).value == "bb"

    asyncio.run(run())


def test_an_error_leaves_the_session_and_shows_the_lines_of_its_step() -> None:
    with SANDBOX.session() as session:
        session.run_sync("x = 1\n\n\n\n\ndef earlier(d):\n    return d['missing']")
        with pytest.raises(exuvia.ScriptError) as caught:
            session.run_sync("y = 2\nprint('log')\nearlier({})")
        assert (caught.value.kind, caught.value.line, caught.value.logs) == ("KeyError", 3, "log\n")
        assert "> 3 | earlier({})" in caught.value.traceback and "session.py" not in str(caught.value)
        with pytest.raises(exuvia.ScriptError) as caught:
            session.run_sync("x = = 1")
        assert (caught.value.kind, caught.value.line) == ("SyntaxError", 1)
        with pytest.raises(exuvia.ScriptError) as caught:
            session.run_sync("import sys; sys.exit(3)")
        assert caught.value.kind == "exited"
        assert session.run_sync("[x, y]").value == [1, 2]


def test_a_value_is_that_of_its_own_step() -> None:
    with SANDBOX.session() as session:
        assert session.run_sync("result = 5").value == 5
        assert session.run_sync("a = 1").value is None
        assert session.run_sync("result").value == 5
        assert session.run_sync("result = 5").value == 5
        assert session.run_sync("return 6").value == 6


def test_inputs_globals_and_final_answers() -> None:
    with SANDBOX.session(final_answer=True, globals=True) as session:
        assert session.run_sync("lookup(name=who)", inputs={"who": "Ada"}).value == 3
        assert session.run_sync("lookup_later('Bob')").value == 3
        step = session.run_sync("for i in range(5):\n    if i == 3:\n        final_answer({'i': i})")
        assert (step.value, step.is_final) == ({"i": 3}, True)
        assert session.run_sync("[who, i]").value == ["Ada", 3]


def test_events_of_steps() -> None:
    told: list[Event] = []
    with SANDBOX.session() as session:
        session.run_sync("print('one')")
        session.run_sync("print('two')\ntools.lookup(name='x')", on_event=told.append)
    match told:
        case [Log("stdout", "two\n"), CallStarted(first, "tools", "lookup"), CallEnded(second, "ok", _)]:
            assert first == second
        case _:
            pytest.fail(str(told))


def test_the_tool_of_the_session_is_not_among_those_of_the_script() -> None:
    with SANDBOX.session() as session:
        assert session.run_sync("[dir(mcp), 'exuvia_session' in globals()]").value == [["tools"], False]


def test_a_limit_ends_the_session() -> None:
    with Sandbox(limits=Limits(fuel=2_000_000_000)).session() as session:
        session.run_sync("x = 1")
        with pytest.raises(exuvia.OutOfFuel):
            session.run_sync("print('log')\nwhile True: pass")
        assert session.is_over
        with pytest.raises(exuvia.EngineError, match="begin another one"):
            session.run_sync("x")


def test_calls_are_counted_over_all_steps() -> None:
    sandbox = Sandbox(tools=[lookup, lookup_later], limits=Limits(tool_calls=5))
    with sandbox.session() as session:
        session.run_sync("for _ in range(2): tools.lookup(name='x')")
        session.run_sync("import asyncio; await asyncio.gather(*[tools.lookup_later(name='x') for _ in range(3)])")
        session.run_sync("1")
        with pytest.raises(exuvia.TooManyCalls, match="more than 5 tool calls") as caught:
            session.run_sync("try:\n    tools.lookup(name='x')\nexcept BaseException:\n    pass")
        assert caught.value.limit == "tool_calls" and session.is_over
    called: list[str] = []
    with Sandbox(tools=[called.append], limits=Limits(tool_calls=5)).session() as session:
        with pytest.raises(exuvia.TooManyCalls):
            session.run_sync("for _ in range(50): tools.append('x')")
    assert len(called) == 5


def test_sources_and_results_are_held_to_their_lengths() -> None:
    with Sandbox(limits=Limits(source_bytes=100, result_bytes=100)).session() as session:
        session.run_sync("x = 'y'")
        with pytest.raises(exuvia.SourceTooLarge, match="source_bytes allows 100") as too_long:
            session.run_sync("x = 1" + " " * 100)
        with pytest.raises(exuvia.ResultTooLarge, match="102 bytes, result_bytes allows 100") as too_large:
            session.run_sync("print('log')\nx * 100")
        assert (too_long.value.limit, too_large.value.limit, too_large.value.logs) == ("source_bytes", "result_bytes", "log\n")
        assert session.run_sync("x * 98").value == "y" * 98


def test_long_integers_are_values() -> None:
    with SANDBOX.session() as session:
        assert session.run_sync("10**5000").value == 10**5000
        with pytest.raises(exuvia.WrongResult, match="10,?002 digits") as caught:
            session.run_sync("print('log')\n10**10_001")
        assert caught.value.logs == "log\n"
        assert session.run_sync("1").value == 1


def test_time_stands_still_between_steps() -> None:
    with Sandbox(limits=Limits(wall_ms=1_500, call_timeout_ms=500)).session() as session:
        session.run_sync("x = 1")
        time.sleep(2)
        assert session.run_sync("x").value == 1
        with pytest.raises(exuvia.Timeout):
            session.run_sync("import time; time.sleep(60)")


def test_a_result_that_is_too_large_leaves_the_session() -> None:
    with Sandbox(limits=Limits(call_arguments_bytes=10_000)).session() as session:
        with pytest.raises(exuvia.ScriptError, match="must fit into a call"):
            session.run_sync("x = 'y' * 20_000\nx")
        assert session.run_sync("len(x)").value == 20_000


def test_cancelling_a_step_ends_the_session() -> None:
    async def run() -> None:
        session = SANDBOX.session()
        await session.run("x = 1")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(session.run("while True: pass"), 0.1)
        assert session.is_over

    asyncio.run(run())


def test_a_step_returns_when_its_calls_have_ended() -> None:
    ended: list[str] = []

    async def run(code: str, timeout: float | None) -> str:
        started = asyncio.Event()

        async def slow() -> None:
            started.set()
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0.05)
                ended.append("slow")

        async def wait() -> None:
            await started.wait()

        async with Sandbox(tools=[slow, wait]).session() as session:
            step = asyncio.create_task(session.run(code))
            await started.wait()
            if timeout is not None:
                step.cancel()
            try:
                await step
            except (exuvia.ScriptError, asyncio.CancelledError) as error:
                ended.append(type(error).__name__)
            return "" if session.is_over else repr((await session.run("1 + 1")).value)

    both = "import asyncio\nasync def fail():\n    tools.wait()\n    1 / 0\nawait asyncio.gather(tools.slow(), fail())"
    assert asyncio.run(run(both, None)) == "2"
    assert asyncio.run(run("tools.slow()", 0)) == ""
    assert ended == ["slow", "ScriptError", "slow", "CancelledError"]


def test_a_session_that_nobody_has_any_more_gives_its_place_back() -> None:
    # More than the engine has places.
    for _ in range(20):
        session = SANDBOX.session()
        session.run_sync("x = 1")
        del session
    assert SANDBOX.run_sync("1").value == 1


def test_a_script_that_interferes_harms_its_own_session_only() -> None:
    code = """
import gc
servers = [one for one in gc.get_objects() if type(one).__name__ == "Tool" and one._server_name == "exuvia_session"]
servers[0]({answer})
"""
    texts = [f"{{'value': {text}, 'is_final': False}}" for text in ("'{'", "'[' * 100_000")]
    for answer in ("'x'", "{'value': 3}", "{'error': ['a']}", "10**20_000", *texts):
        session = SANDBOX.session()
        with pytest.raises((exuvia.SandboxError, exuvia.EngineError)):
            session.run_sync(code.format(answer=answer))
        session.close()
    assert SANDBOX.run_sync("1").value == 1


def test_one_step_at_a_time() -> None:
    async def run() -> Any:
        async with SANDBOX.session() as session:
            first = asyncio.create_task(session.run("import time; time.sleep(0.2); x = 1"))
            await asyncio.sleep(0.05)
            with pytest.raises(exuvia.EngineError, match="runs a step already"):
                await session.run("2")
            await first
            return (await session.run("x")).value

    assert asyncio.run(run()) == 1
