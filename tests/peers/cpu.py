"""Measures pure Python: cpu.py EXUVIA CACHE ROUNDS.

The workloads of pyperformance that need the standard library alone, in `exuvia run`, in eryx, in Monty, and in the Python that this
runs on. A workload times itself, so that no start of a program counts; the programs take turns, and of the rounds the fastest counts.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

WORKLOADS = (
    "chaos comprehensions coroutines deepcopy deltablue fannkuch float generators go hexiom json_dumps json_loads logging mdp"
    " meteor_contest nbody nqueens pidigits pprint raytrace regex_compile regex_dna regex_effbot regex_v8 richards richards_super"
    " scimark spectral_norm typing_runtime_protocols unpack_sequence"
).split()

# Stands for `pyperf`: runs what a workload gives it once to warm up, and then for its time.
RUNNER = """
import sys, time, types

class Arguments:
    def __init__(self): self.values = {}
    def add_argument(self, *names, default=None, **_):
        self.values[names[-1].lstrip("-").replace("-", "_")] = default
    def parse_args(self): return types.SimpleNamespace(**self.values)

class Runner:
    def __init__(self, **_):
        self.metadata, self.argparser, self.args = {}, Arguments(), types.SimpleNamespace(inherit_environ=[])
    def parse_args(self):
        args = self.argparser.parse_args()
        self.args = args
        return args
    def bench_func(self, name, function, *args, inner_loops=None):
        def loops(number, *args):
            begun = time.perf_counter()
            for _ in range(number): function(*args)
            return time.perf_counter() - begun
        self.bench_time_func(name, loops, *args)
    def bench_time_func(self, name, function, *args, inner_loops=None):
        function(1, *args)
        number, taken = 1, 0
        while taken < 0.1 and number < 1 << 20:
            number *= 2
            taken = function(number, *args)
        times[name] = taken / number
    def bench_async_func(self, name, function, *args):
        import asyncio
        self.bench_func(name, lambda: asyncio.run(function(*args)))

times = {}
sys.argv = ["workload"]
sys.modules["pyperf"] = types.SimpleNamespace(Runner=Runner, perf_counter=time.perf_counter)
"""

# Runs a script of this file's in the Python that it is started by.
NATIVE = "import sys, json; space = {}; exec(sys.stdin.read(), space); print(json.dumps(space['result']))"
ERYX = """
import sys, eryx
done = eryx.Sandbox().execute(sys.stdin.read() + "\\nimport json; print(json.dumps(result))")
print(done.stdout.decode() if isinstance(done.stdout, bytes) else done.stdout)
"""
MONTY = """
import sys, json, pydantic_monty
with pydantic_monty.Monty() as pool, pool.checkout() as session:
    print(json.dumps(session.feed_run(sys.stdin.read() + "\\nresult")))
"""


def main(exuvia, cache, rounds):
    cache, load = Path(cache), os.getloadavg()[0]
    programs = {
        "native": [sys.executable, "-c", NATIVE],
        "exuvia": [exuvia, "run", "--fuel", "1000000000000", "--wall-ms", "600000", "-"],
        "eryx": [cache / "eryx" / "bin" / "python", "-c", ERYX],
        "monty": [cache / "fastmcp" / "bin" / "python", "-c", MONTY],
    }
    rows, failures = [(name, {}) for name in WORKLOADS], {}
    for _ in range(int(rounds)):
        for name, fastest in rows:
            for program, command in programs.items():
                # What native cannot run has no ratio.
                if (name, program) in failures or (name, "native") in failures:
                    continue
                try:
                    fastest[program] = merged(fastest.get(program), timed(command, script(cache, name)))
                except Failed as error:
                    fastest[program], failures[name, program] = {}, str(error)
    print("\n".join([*table(programs, rows), "", *left_out(programs, failures), *circumstances(load)]))


def script(cache, name):
    [folder] = cache.glob(f"peers/lib/python3*/site-packages/pyperformance/data-files/benchmarks/bm_{name}")
    source = (folder / "run_benchmark.py").read_text(encoding="utf-8")
    return f"{RUNNER}\nexec(compile({source!r}, 'workload', 'exec'), {{'__name__': '__main__', '__file__': 'workload'}})\nresult = times\n"


class Failed(Exception):
    """A program cannot run a workload: the last line that it says about it."""


def timed(command, source):
    """Seconds of each part of a workload."""
    try:
        done = subprocess.run(command, input=source, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        raise Failed("no end within 300 s") from None
    except OSError as error:
        raise Failed(str(error)) from None
    lines = done.stdout.strip().splitlines()
    try:
        times = json.loads(lines[-1]) if done.returncode == 0 and lines else None
    except json.JSONDecodeError:
        times = None
    if not times:
        raise Failed(([f"exit status {done.returncode}", *lines, *done.stderr.strip().splitlines()])[-1][:120])
    return times


def merged(before, now):
    """The fastest of both."""
    return {part: min(seconds, (before or {}).get(part, seconds)) for part, seconds in now.items()}


def table(programs, rows):
    others = [program for program in programs if program != "native"]
    yield f"| times native | {' | '.join(others)} |"
    yield "|---" * (len(others) + 1) + "|"
    all_ratios = {program: [] for program in others}
    for name, fastest in rows:
        cells = []
        for program in others:
            times = fastest.get(program, {})
            ratios = [times[part] / seconds for part, seconds in fastest["native"].items() if part in times]
            all_ratios[program] += [statistics.geometric_mean(ratios)] if ratios else []
            cells.append(f"{statistics.geometric_mean(ratios):.2f}" if ratios else "-")
        yield f"| {name} | {' | '.join(cells)} |"
    means = [f"{statistics.geometric_mean(ratios):.2f} ({len(ratios)})" if ratios else "-" for ratios in all_ratios.values()]
    yield f"| **geometric mean** (of so many) | {' | '.join(means)} |"


def left_out(programs, failures):
    for program in programs:
        reasons = {}
        for (name, failed), reason in failures.items():
            if failed == program:
                reasons.setdefault(reason, []).append(name)
        told = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())
        if told:
            yield f"Left out, because {program} fails with them: {told}."


def circumstances(load):
    yield f"Native is CPython {platform.python_version()} ({platform.python_compiler()}) on {platform.machine()}, {os.cpu_count()} cores."
    yield f"Load before: {load:.1f}" + ("; other work made this slower." if load > 0.3 else ".")


if __name__ == "__main__":
    main(*sys.argv[1:])
