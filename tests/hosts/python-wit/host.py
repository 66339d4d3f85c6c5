"""A host of Exuvia's guest, written from `wit/sandbox.wit` alone, on the package `wasmtime` of PyPI.

    python host.py EXPORTED SCRIPT      # EXPORTED: the folder that `exuvia guest export` wrote

docs/embedding/from-wit.md explains it step by step.
"""

import json
import queue
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError as NoAnswer
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

from wasmtime import Config, Engine, ExitTrap, Store, WasiConfig, WasmtimeError
from wasmtime.component import Component, Linker, Record, ResourceHost, ResourceType, Variant

CONTRACT = "exuvia:sandbox/{}@0.3.0"
# The guest should have 32 MiB, but the package has no setting for the stack of the host that this would have to fit in (2 MiB).
STACK_BYTES = (2 << 20) - (64 << 10)
# The fuel that the guest is given at a time: after it the host looks at the clock.
SLICE = 1_000_000
PENDING_CALL = 1
# What is recorded of a call until it has its answer.
UNANSWERED = "cancelled"


class Stopped(Exception):
    """A limit of the run was met. It passes through the guest as a trap, so that no script can catch it."""

    def __init__(self, limit):
        super().__init__(limit)
        self.limit = limit


class ToolFailure(Exception):
    """What a tool raises. `kind` is a case of `call-error`."""

    def __init__(self, message, kind="tool-failed", data=None):
        super().__init__(message)
        self.kind, self.data = kind, data

    def lowered(self):
        payload = str(self)
        if self.kind == "tool-failed":
            payload = record(message=payload, data=None if self.data is None else json.dumps(self.data))
        return Variant(self.kind, payload)


@dataclass
class Limits:
    fuel: int = 20_000_000_000
    wall_ms: int = 60_000
    memory_bytes: int = 256 << 20
    tool_calls: int = 10_000
    concurrent_calls: int = 32
    call_timeout_ms: int = 30_000
    call_arguments_bytes: int = 4 << 20
    call_result_bytes: int = 16 << 20
    log_bytes: int = 256 << 10
    result_bytes: int = 16 << 20
    source_bytes: int = 1 << 20


@dataclass
class Report:
    outcome: str = ""
    result: str | None = None
    error: SimpleNamespace | None = None
    limit: str | None = None
    log: str = ""
    fuel: int = 0
    calls: list = field(default_factory=list)


def record(**fields):
    """A record of the component model: its fields have hyphens where Python has underscores."""
    made = Record()
    for name, value in fields.items():
        setattr(made, name.replace("_", "-"), value)
    return made


class Guest:
    """The compiled component: one in a process."""

    def __init__(self, component: Path):
        config = Config()
        config.max_wasm_stack = STACK_BYTES
        # Without it each run copies the interpreter's memory.
        config.memory_init_cow = True
        config.cache = True
        self.engine = Engine(config)
        self.component = Component.from_file(self.engine, component)

    def run(self, source: str, servers: list, call_tool, limits: Limits | None = None) -> Report:
        """Runs one script. `servers` describe tools as `tools.json` of the contract suite does; `call_tool(server, tool, arguments)` answers."""
        return Run(servers, call_tool, limits or Limits()).execute(self, source)


class Run:
    """One run: its state, and the functions that the guest imports."""

    def __init__(self, servers, call_tool, limits):
        self.servers, self.call_tool, self.limits = servers, call_tool, limits
        self.report = Report()
        self.given = self.used = 0
        self.ended = False
        self.memory_refused = False
        self.pending: dict[int, Future] = {}
        self.answered: queue.Queue[int] = queue.Queue()
        self.unreported: set[int] = set()
        self.recording = threading.Lock()
        self.is_over = False
        # Calls that wait longer than the run lives are left behind.
        self.threads = ThreadPoolExecutor(max_workers=limits.concurrent_calls)
        self.end = time.monotonic() + limits.wall_ms / 1000

    def execute(self, guest, source):
        report, limits = self.report, self.limits
        if len(source.encode()) > limits.source_bytes:
            report.outcome, report.limit = "stopped", "source_bytes"
            return report
        store = Store(guest.engine)
        # One memory and the tables of the interpreter. Everything is dropped with the store.
        store.set_limits(memory_size=limits.memory_bytes)
        store.set_wasi(self.wasi())
        linker = self.linker(guest.engine)
        try:
            run = linker.instantiate(store, guest.component).get_func(store, "run")
            outcome = run(store, record(source=source, result_bytes=limits.result_bytes))
            self.returned(outcome)
        except Stopped as stopped:
            report.outcome, report.limit = "stopped", stopped.limit
        except ExitTrap as trap:
            report.outcome, report.error = "raised", SimpleNamespace(kind="exited", message=f"status {trap.code}", line=None)
        except WasmtimeError as trap:
            report.outcome, report.error = "raised", SimpleNamespace(kind="crashed", message=str(trap), line=None)
        finally:
            self.ended = self.is_over = True
            self.threads.shutdown(wait=False, cancel_futures=True)
            report.fuel = self.used
        return report

    def returned(self, outcome):
        report, payload = self.report, outcome.payload
        match outcome.tag:
            case "returned":
                report.outcome, report.result = "returned", payload
            case "result-too-large":
                report.outcome, report.limit = "stopped", "result_bytes"
            case "out-of-memory":
                report.outcome, report.limit = "stopped", "memory_bytes"
            case "exited":
                report.outcome = "raised"
                report.error = SimpleNamespace(kind="exited", message=payload.message, line=payload.line)
            case kind:
                report.outcome, report.error = kind, payload

    # WASI: closed input, no arguments, no environment, no folder, no network; what native code writes goes into the log.

    def wasi(self):
        wasi = WasiConfig()
        wasi.stdout_custom = lambda data: self.print(data.decode(errors="replace")) or len(data)
        wasi.stderr_custom = lambda data: self.print(data.decode(errors="replace")) or len(data)
        return wasi

    def linker(self, engine):
        linker = Linker(engine)
        linker.add_wasip2()
        interfaces = {
            "tools": {
                "servers": self.list_servers,
                "list-tools": self.list_tools,
                "describe": self.describe,
                "search": lambda store, query: "this host has no search",
                "call": self.call,
                "start": self.start,
                "script-ended": self.script_ended,
                "wait": self.wait,
                "[method]pending-call.id": lambda store, handle: self.rep(store, handle),
                "[method]pending-call.take": self.take,
            },
            "output": {"write": lambda store, to, text: self.print(text)},
            "meter": {"next-slice": self.next_slice},
        }
        with linker.root() as root:
            for interface, functions in interfaces.items():
                with root.add_instance(CONTRACT.format(interface)) as instance:
                    if interface == "tools":
                        instance.add_resource("pending-call", ResourceType.host(PENDING_CALL), self.dropped)
                    for name, function in functions.items():
                        instance.add_func(name, function)
        return linker

    # The import `output`.

    def print(self, text):
        room = self.limits.log_bytes - len(self.report.log.encode())
        self.report.log += text.encode()[: max(room, 0)].decode(errors="ignore")

    # The import `meter`.

    def next_slice(self, store, balance):
        if balance > self.given:
            raise Stopped("fuel")
        self.used += self.given - balance
        if self.used > self.limits.fuel:
            raise Stopped("fuel")
        self.in_time()
        self.given = min(SLICE, self.limits.fuel - self.used)
        return self.given

    def in_time(self):
        """How many seconds the run has left."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise Stopped("wall_ms")
        return left

    # The import `tools`. The names come from the guest: nothing is known of them.

    def find(self, server, tool):
        for one in self.servers:
            if one["name"] == server:
                return next((known for known in one["tools"] if tool in (known["name"], known["python_name"])), None)
        return None

    def list_servers(self, store):
        return [record(python_name=one["python_name"], name=one["name"]) for one in self.servers]

    def list_tools(self, store, server):
        found = [one["tools"] for one in self.servers if one["name"] == server]
        return [tool["python_name"] for tools in found for tool in tools]

    def describe(self, store, server, name):
        tool = self.find(server, name)
        if tool is None:
            return None
        fields = {key: tool[key] for key in ("python_name", "name", "signature", "documentation", "accepts_other_keywords")}
        return record(**fields, parameters=[record(**parameter) for parameter in tool["parameters"]])

    def script_ended(self, store):
        self.ended = True

    def begin(self, server, tool, arguments):
        """Starts a call. Its number, and the future of its answer: a text, or an error as the contract has it."""
        if len(self.report.calls) >= self.limits.tool_calls:
            raise Stopped("tool_calls")
        self.report.calls.append([server, tool, UNANSWERED])
        number = len(self.report.calls)
        future = self.threads.submit(self.answer, number, server, tool, arguments)
        return number, future

    def answer(self, number, server, tool, arguments):
        try:
            answer, outcome = self.checked(server, tool, arguments), "ok"
        except ToolFailure as failure:
            answer, outcome = failure.lowered(), failure.kind
        except LimitReached as reached:
            answer, outcome = reached.lowered(), "limit-reached"
        return answer if self.settle(number, outcome) else None

    def settle(self, number, outcome):
        """Records what came of a call. False: that is recorded already, and this comes too late."""
        call = self.report.calls[number - 1]
        with self.recording:
            if self.is_over or call[2] != UNANSWERED:
                return False
            call[2] = outcome
            return True

    def checked(self, server, tool, arguments):
        if self.ended:
            raise ToolFailure("the script has ended", "denied")
        if self.find(server, tool) is None:
            raise ToolFailure(f"there is no tool {server}.{tool}", "unknown-tool")
        if len(arguments.encode()) > self.limits.call_arguments_bytes:
            raise LimitReached("call_arguments_bytes", self.limits.call_arguments_bytes, len(arguments.encode()))
        answer = json.dumps(self.call_tool(server, tool, json.loads(arguments)), ensure_ascii=False)
        if len(answer.encode()) > self.limits.call_result_bytes:
            raise LimitReached("call_result_bytes", self.limits.call_result_bytes, len(answer.encode()))
        return answer

    def until_answered(self, number, future):
        timeout = self.limits.call_timeout_ms / 1000
        try:
            return future.result(min(timeout, self.in_time()))
        except NoAnswer:
            self.in_time()
            if not self.settle(number, "timed-out"):
                return future.result()
            future.cancel()
            return Variant("timed-out", self.limits.call_timeout_ms)

    def call(self, store, server, tool, arguments, line):
        return self.until_answered(*self.begin(server, tool, arguments))

    def start(self, store, server, tool, arguments, line):
        number, future = self.begin(server, tool, arguments)
        self.pending[number] = future
        self.unreported.add(number)
        future.add_done_callback(lambda _: self.answered.put(number))
        return ResourceHost.own(number, PENDING_CALL)

    def rep(self, store, handle):
        """What a handle of `pending-call` stands for: the number of its call."""
        return handle.to_host(store).rep

    def take(self, store, handle):
        number = self.rep(store, handle)
        self.unreported.discard(number)
        future = self.pending.pop(number, None)
        if future is None:
            return Variant("upstream-unavailable", "the result of this call was already taken")
        return self.until_answered(number, future)

    def dropped(self, store, number):
        self.unreported.discard(number)
        if future := self.pending.pop(number, None):
            future.cancel()

    def wait(self, store, timeout_ns):
        end = None if timeout_ns is None else time.monotonic() + timeout_ns / 1e9
        found = []
        while not found:
            if timeout_ns is None and not self.unreported:
                return []
            left = self.in_time() if end is None else min(self.in_time(), max(end - time.monotonic(), 0))
            try:
                found.append(self.answered.get(timeout=left) if left else self.answered.get_nowait())
            except queue.Empty:
                if end is not None and time.monotonic() >= end:
                    return []
                continue
            while not self.answered.empty():
                found.append(self.answered.get_nowait())
            found = [number for number in found if number in self.unreported]
        self.unreported.difference_update(found)
        return found


class LimitReached(Exception):
    def __init__(self, limit, allowed, used):
        super().__init__(limit)
        self.fields = {"limit": limit, "allowed": allowed, "used": used}

    def lowered(self):
        return Variant("limit-reached", record(**self.fields))


def main():
    exported, script = map(Path, sys.argv[1:3])
    tool = {
        "name": "square",
        "python_name": "square",
        "signature": "square(n: int) -> int",
        "documentation": "The square of a number.",
        "parameters": [{"python_name": "n", "name": "n", "required": True}],
        "accepts_other_keywords": False,
    }
    servers = [{"name": "math", "python_name": "math", "tools": [tool]}]
    guest = Guest(exported / "exuvia-guest.wasm")
    report = guest.run(script.read_text(), servers, lambda server, tool, arguments: arguments["n"] ** 2)
    print(report.log, end="")
    print(report.outcome, report.result or report.error or report.limit, f"{report.fuel} units of fuel")
    return 0 if report.outcome == "returned" else 1


if __name__ == "__main__":
    sys.exit(main())
