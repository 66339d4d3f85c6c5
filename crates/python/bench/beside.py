"""What a fresh script and a call of a tool take from Python, beside pyeryx and pydantic-monty: a process for each, in turns.

`python beside.py [ROUNDS]`. Times are medians with the 95th percentile behind them. Memory is what the process holds beside a bare
interpreter, its workers included, as a share of what it shares (PSS).
"""

import json
import statistics
import subprocess
import sys
import time

CALLS = 100
PACKAGES = {"exuvia": "exuvia", "exuvia, asyncio": "exuvia", "pyeryx": "eryx", "pydantic-monty": "pydantic_monty"}


def add(a: int, b: int) -> int:
    """Adds."""
    return a + b


def exuvia_sync():
    import exuvia

    sandbox = exuvia.Sandbox(tools=[add])
    calls = f"x = 0\nfor i in range({CALLS}):\n    x = tools.add(a=x, b=1)\nx"
    return lambda: sandbox.run_sync("1 + 1").value, lambda: sandbox.run_sync(calls).value


def exuvia_async():
    import asyncio

    import exuvia

    async def add(a: int, b: int) -> int:
        return a + b

    sandbox = exuvia.Sandbox(tools=[add])
    loop = asyncio.new_event_loop()
    calls = f"x = 0\nfor i in range({CALLS}):\n    x = tools.add(a=x, b=1)\nx"
    run = lambda code: loop.run_until_complete(sandbox.run(code)).value
    return lambda: run("1 + 1"), lambda: run(calls)


def pyeryx():
    import eryx

    sandbox = eryx.Sandbox(callbacks=[{"name": "add", "fn": add, "description": "Adds."}])
    calls = f"x = 0\nfor i in range({CALLS}):\n    x = await add(a=x, b=1)\nprint(x)"
    run = lambda code: int(sandbox.execute(code).stdout_text)
    return lambda: run("print(1 + 1)"), lambda: run(calls)


def monty():
    import pydantic_monty

    pool = pydantic_monty.Monty().__enter__()
    calls = f"x = 0\nfor i in range({CALLS}):\n    x = add(x, 1)\nx"

    def run(code):
        with pool.checkout() as session:
            return session.feed_run(code, external_lookup={"add": add})

    return lambda: run("1 + 1"), lambda: run(calls)


WAYS = {"exuvia": exuvia_sync, "exuvia, asyncio": exuvia_async, "pyeryx": pyeryx, "pydantic-monty": monty}


def held():
    """The memory of this process and its children, in bytes."""
    import psutil

    own = psutil.Process()
    return sum(process.memory_full_info().pss for process in [own, *own.children(recursive=True)])


def serve(name):
    """Measures what a line of standard input asks for."""
    before = held()
    started = time.perf_counter()
    fresh, calls = WAYS[name]()
    assert fresh() == 2
    ready = time.perf_counter() - started
    assert calls() == CALLS
    print(json.dumps({"ready": ready}), flush=True)
    for line in sys.stdin:
        if line == "memory\n":
            print(json.dumps(held() - before), flush=True)
            continue
        started = time.perf_counter()
        {"fresh\n": fresh, "calls\n": calls}[line]()
        print(json.dumps(time.perf_counter() - started), flush=True)


class Worker:
    def __init__(self, name):
        self.name = name
        command = [sys.executable, __file__, "--serve", name]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ready = self.read()["ready"]
        self.times = {"fresh": [], "calls": []}

    def read(self):
        return json.loads(self.process.stdout.readline())

    def ask(self, what):
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        return self.read()


def import_time(package):
    """How long the import takes beyond the start of the interpreter: the median of eleven."""
    code = f"import time; t = time.perf_counter(); import {package}; print(time.perf_counter() - t)"
    run = lambda: float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    return statistics.median(run() for _ in range(11))


def shown(times, scale):
    ordered = sorted(times)
    return f"{statistics.median(ordered) * scale:.3f} ({ordered[int(len(ordered) * 0.95)] * scale:.3f})"


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    workers = [Worker(name) for name in WAYS]
    for _ in range(rounds):
        for worker in workers:
            worker.times["fresh"].append(worker.ask("fresh"))
            # The calls of a round, without the script around them.
            worker.times["calls"].append(worker.ask("calls") - worker.times["fresh"][-1])
    print(f"{'':16} {'fresh script, ms':>20} {'call, ms':>20} {'first result, ms':>17} {'import, ms':>11} {'memory, MB':>11}")
    for worker in workers:
        memory = worker.ask("memory") / 1e6
        fresh, call = shown(worker.times["fresh"], 1e3), shown(worker.times["calls"], 1e3 / CALLS)
        imported = import_time(PACKAGES[worker.name]) * 1e3
        print(f"{worker.name:16} {fresh:>20} {call:>20} {worker.ready * 1e3:17.0f} {imported:11.1f} {memory:11.0f}")
        worker.process.stdin.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2])
    else:
        main()
