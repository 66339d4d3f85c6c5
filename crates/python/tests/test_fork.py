"""Children of a fork."""

import asyncio
import concurrent.futures
import multiprocessing
import os
import signal
import threading

import exuvia
from exuvia import Limits, Sandbox


def double(n: int) -> int:
    return 2 * n


async def double_later(n: int) -> int:
    await asyncio.sleep(0)
    return 2 * n


SANDBOX = Sandbox(tools=[double, double_later])
CODE = "[tools.double(n=4), tools.double_later(n=5)]"


def run(n: int) -> int:
    value: int = SANDBOX.run_sync(f"tools.double(n={n})").value
    return value


def child(pid: int) -> int:
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def test_a_child_runs_scripts_of_its_own() -> None:
    assert SANDBOX.run_sync(CODE).value == [8, 10]
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            values = [SANDBOX.run_sync(CODE).value, asyncio.run(SANDBOX.run(CODE)).value]
            status = 0 if values == [[8, 10], [8, 10]] else 2
        finally:
            os._exit(status)
    assert child(pid) == 0
    assert SANDBOX.run_sync(CODE).value == [8, 10]


def test_a_fork_in_the_middle_of_runs() -> None:
    sandbox = Sandbox(limits=Limits(wall_ms=1_000))
    ended = []

    def long() -> None:
        try:
            sandbox.run_sync("while True: pass")
        except exuvia.Timeout:
            ended.append(True)

    threads = [threading.Thread(target=long) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                status = 0 if SANDBOX.run_sync(CODE).value == [8, 10] else 2
            finally:
                os._exit(status)
        assert child(pid) == 0
    for thread in threads:
        thread.join()
    assert ended == [True] * 3


def test_a_run_of_the_parent_is_not_the_childs() -> None:
    session = SANDBOX.session()
    session.run_sync("x = 1")
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            session.run_sync("x")
        except exuvia.EngineError as error:
            status = 0 if "process" in str(error) else 2
        finally:
            os._exit(status)
    assert child(pid) == 0
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        with session:
            pass
        os._exit(0)
    assert child(pid) == 0
    assert session.run_sync("x").value == 1
    session.close()


def test_pools_of_processes() -> None:
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
            assert list(pool.map(run, range(6))) == [0, 2, 4, 6, 8, 10]
