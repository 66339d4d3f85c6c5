"""Scripts: results, errors, limits, events, cancellation, many at a time."""

import asyncio
import contextvars
import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any, Literal, TypedDict

import exuvia
import pytest
from exuvia import CallEnded, CallStarted, Event, Limits, Log, Sandbox, Tool, _native

# No script that is stopped by the caller would come to its end by a limit.
ENDLESS = Limits(fuel=1 << 62, wall_ms=1 << 40)


def test_limits_have_the_defaults_of_the_engine() -> None:
    assert dataclasses.asdict(Limits()) == _native.DEFAULT_LIMITS


def test_a_result_has_value_logs_calls_and_usage() -> None:
    def double(n: int) -> int:
        return 2 * n

    result = Sandbox(tools=[double]).run_sync("print('hello')\ntools.double(n=4) + tools.double(n=1)")
    assert (result.value, result.logs, result.logs_dropped_bytes) == (10, "hello\n", 0)
    assert [(call.server, call.tool, call.outcome) for call in result.calls] == [("tools", "double", "ok")] * 2
    assert result.usage.tool_calls == 2 and result.usage.fuel > 10_000 and result.usage.memory_bytes_peak > 1 << 20


def test_a_script_is_fresh() -> None:
    sandbox = Sandbox()
    sandbox.run_sync("import json; json.x = 1; y = 2")
    assert sandbox.run_sync("import json; [hasattr(json, 'x'), 'y' in globals()]").value == [False, False]


def test_scripts_have_inheritance_generators_and_the_standard_library() -> None:
    code = """
import statistics
class Base:
    def name(self): return "base"
class Child(Base):
    def name(self): return super().name() + "/child"
def squares(n):
    for i in range(n):
        yield i * i
result = [Child().name(), list(squares(4)), statistics.median([5, 1, 3])]
"""
    assert Sandbox().run_sync(code).value == ["base/child", [0, 1, 4, 9], 3]


def test_the_fuel_of_a_script_does_not_depend_on_the_machine() -> None:
    # Only its random seed differs.
    used = [Sandbox().run_sync("sum(i * i for i in range(100_000))").usage.fuel for _ in range(3)]
    assert max(used) - min(used) < 1_000 < 10_000_000 < min(used)


class Order(TypedDict):
    id: int
    state: Literal["open", "paid"]


@dataclasses.dataclass
class Total:
    amount: float
    orders: list[Order]


def test_a_result_is_of_the_type_that_is_asked_for() -> None:
    code = "{'amount': 3, 'orders': [{'id': 1, 'state': 'open'}]}"
    result = Sandbox().run_sync(code, returns=Total)
    assert result.value == Total(3.0, [{"id": 1, "state": "open"}]) and type(result.value.amount) is float
    assert Sandbox().run_sync("[1, 2]", returns=list[int]).value == [1, 2]


@pytest.mark.parametrize(
    ("code", "returns"),
    [
        ("'1'", int),
        ("[1, 'a']", list[int]),
        ("True", int),
        ("{'amount': 1}", Total),
        ("{'amount': 1, 'orders': [{'id': 1, 'state': 'lost'}]}", Total),
        ("None", str),
    ],
)
def test_a_result_of_another_type_is_refused(code: str, returns: type[Any]) -> None:
    with pytest.raises(exuvia.WrongResult, match="not of the expected type") as caught:
        Sandbox().run_sync("print('before')\n" + code, returns=returns)
    assert caught.value.logs == "before\n"


def test_long_integers_are_values() -> None:
    assert Sandbox().run_sync("[10**5000, -(10**5000), 1.5]").value == [10**5000, -(10**5000), 1.5]
    with pytest.raises(exuvia.WrongResult, match="digits") as caught:
        Sandbox().run_sync("print('before')\n10**10_001")
    assert caught.value.logs == "before\n" and caught.value.usage is not None


def test_an_error_says_where_and_how_to_repair_it() -> None:
    with pytest.raises(exuvia.ScriptError) as caught:
        Sandbox().run_sync("print('so far')\norders = {'a': 1}\norders['b']")
    error = caught.value
    assert (error.kind, error.message, error.line, error.logs) == ("KeyError", "'b'", 3, "so far\n")
    assert str(error).startswith("KeyError: 'b'\n") and "> 3 | orders['b']" in str(error)
    assert error.usage is not None and error.usage.fuel > 0


@pytest.mark.parametrize(
    ("code", "limits", "kind", "limit"),
    [
        ("while True: pass", Limits(fuel=200_000_000), exuvia.OutOfFuel, "fuel"),
        ("import time; time.sleep(60)", Limits(wall_ms=50), exuvia.Timeout, "wall_ms"),
        ("x = bytearray(1 << 28)", Limits(memory_bytes=64 << 20), exuvia.OutOfMemory, "memory_bytes"),
        ("[tools.one() for _ in range(9)]", Limits(tool_calls=3), exuvia.TooManyCalls, "tool_calls"),
        ("'x' * 1000", Limits(result_bytes=100), exuvia.ResultTooLarge, "result_bytes"),
        ("1" + " " * 2000, Limits(source_bytes=1000), exuvia.SourceTooLarge, "source_bytes"),
    ],
)
def test_limits_stop_scripts(code: str, limits: Limits, kind: type[exuvia.LimitReached], limit: str) -> None:
    def one() -> int:
        return 1

    with pytest.raises(kind) as caught:
        Sandbox(tools=[one], limits=limits).run_sync(code)
    assert caught.value.limit == limit
    assert isinstance(caught.value, TimeoutError) == (limit == "wall_ms")


def test_a_log_is_cut_and_counted() -> None:
    result = Sandbox(limits=Limits(log_bytes=100)).run_sync("print('x' * 1000)")
    assert len(result.logs) == 100 and result.logs_dropped_bytes == 901


def test_a_bound_of_one_call_can_be_caught() -> None:
    async def slow() -> None:
        await asyncio.sleep(60)

    code = "try:\n    tools.slow()\nexcept TimeoutError as error:\n    result = str(error)"
    sandbox = Sandbox(tools=[slow], limits=Limits(call_timeout_ms=50))
    result = sandbox.run_sync(code)
    assert result.value == "tools.slow gave no answer within 50 ms" and result.calls[0].outcome == "timed-out"


def test_events_come_in_order_and_before_the_result() -> None:
    def one() -> int:
        return 1

    async def run() -> tuple[list[Event], list[Event]]:
        told: list[Event] = []
        await Sandbox(tools=[one]).run("print('a')\ntools.one()\nprint('b')", on_event=told.append)
        stream = Sandbox(tools=[one]).stream("print('a')\ntools.one()\nprint('b')\nresult = 7")
        streamed = [event async for event in stream]
        assert (await stream.result()).value == 7
        return told, streamed

    for events in asyncio.run(run()):
        match events:
            case [Log("stdout", "a\n"), CallStarted(1, "tools", "one"), CallEnded(1, "ok", _), Log("stdout", "b\n")]:
                pass
            case _:
                pytest.fail(str(events))
    told: list[Event] = []
    Sandbox().run_sync("print(1)\nimport sys\nprint(2, file=sys.stderr)", on_event=told.append)
    assert told == [Log("stdout", "1\n"), Log("stderr", "2\n")]


def test_a_callback_that_raises_loses_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[Any] = []

    async def one() -> int:
        return 1

    def on_event(event: Event) -> None:
        raise ValueError(type(event).__name__)

    async def run() -> Any:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context["exception"]))
        return (await Sandbox(tools=[one]).run("print('a')\ntools.one()", on_event=on_event)).value

    assert asyncio.run(run()) == 1
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: raised.append(unraisable.exc_value))
    assert Sandbox(tools=[one]).run_sync("print('a')\ntools.one()", on_event=on_event).value == 1
    assert [str(error) for error in raised] == ["Log", "CallStarted", "CallEnded"] * 2


def test_a_log_is_streamed_while_the_script_runs() -> None:
    async def run() -> None:
        released = asyncio.Event()

        async def wait() -> None:
            await released.wait()

        async with Sandbox(tools=[wait]).stream("print('first')\ntools.wait()") as stream:
            assert await anext(stream) == Log("stdout", "first\n")
            released.set()

    asyncio.run(run())


def test_cancelling_the_task_stops_the_script_and_its_calls() -> None:
    cancelled = []

    async def run() -> None:
        for code in ("print(1)\nwhile True: pass", "tools.forever()"):
            started = asyncio.Event()

            async def forever(started: Any = started) -> None:
                started.set()
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    await asyncio.sleep(0.01)
                    cancelled.append(True)
                    raise

            def on_event(event: Event, started: asyncio.Event = started) -> None:
                if isinstance(event, Log):
                    started.set()

            tool = Tool(function=forever, input_schema={"type": "object"})
            task = asyncio.create_task(Sandbox(tools=[tool], limits=ENDLESS).run(code, on_event=on_event))
            await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())
    assert cancelled == [True]


def test_a_timeout_of_asyncio_stops_the_script() -> None:
    async def run() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(Sandbox(limits=ENDLESS).run("while True: pass"), 0.1)

    asyncio.run(run())


def test_ctrl_c_stops_a_synchronous_script() -> None:
    program = """
import exuvia
exuvia.configure(concurrent_runs=1)
sandbox = exuvia.Sandbox(limits=exuvia.Limits(fuel=1 << 62, wall_ms=1 << 40))
try:
    sandbox.run_sync("print('begun')\\nwhile True: pass", on_event=lambda _: print("begun", flush=True))
except KeyboardInterrupt:
    print("stopped", sandbox.run_sync("1").value)
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[0] == "stopped 1\n"


def test_the_lock_of_the_interpreter_is_free_while_scripts_run() -> None:
    counted, done = 0, threading.Event()

    def count() -> None:
        nonlocal counted
        while not done.is_set():
            counted += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    with pytest.raises(exuvia.OutOfFuel):
        Sandbox(limits=Limits(fuel=1_000_000_000)).run_sync("while True: pass")
    done.set()
    thread.join()
    assert counted > 20


def test_many_threads_and_tasks_run_scripts_at_once() -> None:
    def square(n: int) -> int:
        return n * n

    sandbox = Sandbox(tools=[square])
    values: list[int] = []
    threads = [
        threading.Thread(target=lambda n=n: values.append(sandbox.run_sync(f"tools.square(n={n})").value))
        for n in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(values) == [n * n for n in range(40)]

    async def run() -> list[int]:
        results = await asyncio.gather(*[sandbox.run(f"tools.square(n={n})") for n in range(60)])
        return [result.value for result in results]

    assert asyncio.run(run()) == [n * n for n in range(60)]


def test_more_runs_than_the_engine_has_threads() -> None:
    def one() -> int:
        return 1

    async def run() -> int:
        # Runs that wait for their turn, and report events.
        sandbox = Sandbox(tools=[one], limits=Limits(call_timeout_ms=20_000))
        results = await asyncio.gather(*[sandbox.run("tools.one()", on_event=lambda _: None) for _ in range(530)])
        return sum(result.value for result in results)

    assert asyncio.run(run()) == 530


def test_a_script_of_a_tool_does_not_wait_for_itself() -> None:
    async def one() -> int:
        return 1

    inner = Sandbox(tools=[one])

    async def sync() -> Any:
        return inner.run_sync("tools.one()").value

    async def step() -> Any:
        return inner.session().run_sync("tools.one()").value

    async def awaited() -> Any:
        return (await inner.run("tools.one()")).value

    outer = Sandbox(tools=[sync, step, awaited], limits=Limits(call_timeout_ms=5_000))
    assert outer.run_sync("tools.awaited()").value == 1
    for tool in ("sync", "step"):
        with pytest.raises(exuvia.ScriptError, match="would wait for itself"):
            outer.run_sync(f"tools.{tool}()")


def test_tools_see_the_context_of_the_caller() -> None:
    user = contextvars.ContextVar("user", default="nobody")

    def plain() -> str:
        return user.get()

    async def asynchronous() -> str:
        return user.get()

    async def run(name: str) -> Any:
        user.set(name)
        return (await Sandbox(tools=[plain, asynchronous]).run("[tools.plain(), tools.asynchronous()]")).value

    async def both() -> Any:
        return await asyncio.gather(run("ada"), run("bob"))

    assert asyncio.run(both()) == [["ada", "ada"], ["bob", "bob"]]


def test_calls_run_side_by_side() -> None:
    async def run() -> None:
        together = asyncio.Barrier(5)

        async def meet(n: int) -> int:
            await together.wait()
            return n

        code = "import asyncio\nresult = await asyncio.gather(*[tools.meet(n=n) for n in range(5)])"
        assert (await Sandbox(tools=[meet]).run(code)).value == [0, 1, 2, 3, 4]

    asyncio.run(run())
    barrier = threading.Barrier(5)

    def meet(n: int) -> int:
        barrier.wait(30)
        return n

    code = "import asyncio\nresult = await asyncio.gather(*[tools.meet(n=n) for n in range(5)])"
    assert Sandbox(tools=[meet]).run_sync(code).value == [0, 1, 2, 3, 4]


def test_the_interpreter_ends_while_scripts_run() -> None:
    program = """
import exuvia, threading, time
def slow(): time.sleep(5)
sandbox = exuvia.Sandbox(tools=[slow])
for code in ("while True: pass", "tools.slow()"):
    threading.Thread(target=sandbox.run_sync, args=(code,), daemon=True).start()
time.sleep(0.5)
print("end", flush=True)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


def test_the_engine_is_set_up_before_the_first_script() -> None:
    program = """
import asyncio, exuvia
exuvia.configure(concurrent_runs=1)
async def run():
    sandbox = exuvia.Sandbox()
    return [(await sandbox.run(str(n))).value for n in range(3)]
print(asyncio.run(run()))
try:
    exuvia.configure(concurrent_runs=2)
except exuvia.EngineError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    expected = "[0, 1, 2]\nthe engine has been started: call configure before the first script\n"
    assert (done.stdout, done.stderr) == (expected, "")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of /proc")
def test_the_artifact_is_mapped_from_the_module_and_not_copied() -> None:
    Sandbox().run_sync("1")
    with open(f"/proc/{os.getpid()}/maps") as maps:
        copied = [line for line in maps if "memfd:" in line]
    assert copied == []


def test_the_interpreter_ends_right_behind_a_run() -> None:
    program = "import asyncio, exuvia; asyncio.run(exuvia.Sandbox().run('1'))"
    for _ in range(8):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
