"""What a fresh script and a call of a tool take from Python and from Node.js, beside pyeryx and pydantic-monty: a process for each, in turns.

`python beside.py [ROUNDS [NODE SCRIPT]]`; SCRIPT is `crates/node/bench/exuvia.js`, in a folder with the package. Prints rows of a table. Times
are medians with the 95th percentile behind them. Memory is what the process holds beside a bare interpreter, its workers included, as a share
of what it shares (PSS).
"""

import json
import statistics
import subprocess
import sys
import time

CALLS = 100
PACKAGES = {"exuvia": "exuvia", "exuvia, asyncio": "exuvia", "pyeryx": "eryx", "pydantic-monty": "pydantic_monty"}
COLUMNS = ("", "fresh script, ms", "call, ms", "first result, ms", "import, ms", "memory, MB")


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


def import_command(name):
    """Prints how long the import takes beyond the start of the interpreter, in seconds."""
    code = f"import time; t = time.perf_counter(); import {PACKAGES[name]}; print(time.perf_counter() - t)"
    return [sys.executable, "-c", code]


class Worker:
    """A process that measures what it is asked for, and the command that measures an import."""

    def __init__(self, name, command, import_command):
        self.name = name
        self.import_command = import_command
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ready = self.read()["ready"]
        self.times = {"fresh": [], "calls": []}

    def read(self):
        return json.loads(self.process.stdout.readline())

    def ask(self, what):
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        return self.read()

    def imported(self):
        """The median of eleven imports, each in a new process."""
        run = lambda: float(subprocess.run(self.import_command, capture_output=True, text=True, check=True).stdout)
        return statistics.median(run() for _ in range(11))

    def row(self):
        memory = self.ask("memory") / 1e6
        fresh, call = shown(self.times["fresh"], 1e3), shown(self.times["calls"], 1e3 / CALLS)
        return self.name, fresh, call, f"{self.ready * 1e3:.0f}", f"{self.imported() * 1e3:.1f}", f"{memory:.0f}"


def workers_of(node):
    """Those in Python, and if Node.js is there, that with time between its scripts, and that without."""
    own = [Worker(name, [sys.executable, __file__, "--serve", name], import_command(name)) for name in WAYS]
    forms = [("exuvia, Node.js", []), ("the same, at once", ["--at-once"])] if node else []
    return own + [Worker(name, [*node, *options], [*node, "--import"]) for name, options in forms]


def shown(times, scale):
    ordered = sorted(times)
    return f"{statistics.median(ordered) * scale:.3f} ({ordered[int(len(ordered) * 0.95)] * scale:.3f})"


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    workers = workers_of(sys.argv[2:])
    for _ in range(rounds):
        for worker in workers:
            worker.times["fresh"].append(worker.ask("fresh"))
            # The calls of a round, without the script around them.
            worker.times["calls"].append(worker.ask("calls") - worker.times["fresh"][-1])
    print("| " + " | ".join(COLUMNS) + " |")
    print("|---" * len(COLUMNS) + "|")
    for worker in workers:
        print("| " + " | ".join(worker.row()) + " |", flush=True)
        worker.process.stdin.close()
    if node := sys.argv[2:]:
        held = subprocess.run([*node, "--threads"], capture_output=True, text=True, check=True).stdout
        print(f"one more idle thread of Node.js holds {float(held) / 1e6:.0f} MB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2])
    else:
        main()
