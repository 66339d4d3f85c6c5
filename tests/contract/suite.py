"""The contract suite for hosts in Python: reads cases, answers their calls, and holds what came of a run against what is expected.

    from suite import cases, run_all

`run_all(name, run, cases())` runs all cases of a host; `run(case, answers)` gives an `Ending`, and has its tools answered by
`answers(server, tool, arguments)`, which blocks, and gives a value or raises `Failure`.
"""

import json
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
SERVERS = json.loads((HERE / "tools.json").read_text())["servers"]
# A tool that never answers does so after all.
NEVER_S = 20


class Failure(Exception):
    """A tool fails: `code` is a case of `call-error`."""

    def __init__(self, code, message, data=None):
        super().__init__(message)
        self.code, self.message, self.data = code, message, data


@dataclass
class Ending:
    """What came of a run. `calls` has server, tool and outcome of each, or server and tool alone."""

    outcome: str
    result: str | None = None
    kind: str | None = None
    message: str = ""
    line: int | None = None
    limit: str | None = None
    log: str = ""
    calls: list = field(default_factory=list)


def cases():
    return [case for file in sorted((HERE / "cases").glob("*.json")) for case in json.loads(file.read_text())["cases"]]


class Answers:
    """Answers the calls of one case."""

    def __init__(self, case):
        self.expected = [call for call in case.get("calls", []) if "answer" in call]
        self.come = 0
        self.changed = threading.Condition()

    def __call__(self, server, tool, arguments):
        with self.changed:
            self.come += 1
            self.changed.notify_all()
            is_it = lambda call: call["call"] == f"{server}.{tool}" and same(call["arguments"], arguments)
            call = next(filter(is_it, self.expected), None)
            if call is None:
                raise Failure("tool-failed", f"the case expects no call {server}.{tool} {arguments}")
            self.expected.remove(call)
            self.changed.wait_for(lambda: self.come >= call.get("after_calls", 0))
        time.sleep(NEVER_S if call["answer"] == "never" else call.get("after_ms", 0) / 1000)
        if call["answer"] == "never":
            raise Failure("tool-failed", "never")
        if "error" in call["answer"]:
            raise Failure(**call["answer"]["error"])
        return call["answer"]["value"]


def same(one, other):
    """Equal as JSON, where 1 is not true."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def wrong(case, ending):
    """What differs from what is expected."""
    expect, found = case["expect"], []

    def hold(what, expected, actual):
        if expected != actual:
            found.append(f"{what}: {actual!r} instead of {expected!r}")

    hold("outcome", expect["outcome"], ending.outcome)
    if "result" in expect and not (ending.result is not None and same(expect["result"], json.loads(ending.result))):
        found.append(f"result: {ending.result} instead of {expect['result']}")
    if "result_text" in expect:
        hold("result", expect["result_text"], ending.result)
    error = expect.get("error", {})
    if "kind" in error:
        hold("kind", error["kind"], ending.kind)
    if error.get("contains", "") not in ending.message:
        found.append(f"message: {ending.message!r}")
    if "line" in error:
        hold("line", error["line"], ending.line)
    if "limit" in expect:
        hold("limit", expect["limit"], ending.limit)
    if "log" in expect:
        hold("log", expect["log"], ending.log)
    if expect.get("log_contains", "") not in ending.log:
        found.append(f"log: {ending.log!r}")
    calls = [[*call["call"].split(".", 1), outcome(call)] for call in case.get("calls", [])]
    width = len(ending.calls[0]) if ending.calls else 3
    hold("calls", [call[:width] for call in calls], [list(call) for call in ending.calls])
    return found


def outcome(call):
    """What a host records of a call."""
    answer = call.get("answer", "never")
    of_answer = "cancelled" if answer == "never" else answer.get("error", {}).get("code", "ok")
    return call.get("outcome") or call.get("refused") or of_answer


def run_all(host, run, all_cases):
    """Runs the cases that are for this host, or those whose names contain the first argument. The number of failures."""
    cannot = json.loads((HERE / "hosts" / f"{host}.json").read_text())["cannot"]
    only = sys.argv[-1] if sys.argv[-1].startswith("case=") else "case="
    chosen = [case for case in all_cases if only[5:] in case["name"] and not set(case.get("needs", [])) & set(cannot)]
    failed = 0
    for case in chosen:
        begun = time.monotonic()
        found = wrong(case, run(case, Answers(case)))
        failed += bool(found)
        state = "FAILED" if found else "ok"
        print(f"{case['name']:70} {state} {(time.monotonic() - begun) * 1000:.0f} ms", *found, sep="\n    " if found else "")
    print(f"{host}: {len(chosen) - failed} of {len(chosen)} cases passed, {len(all_cases) - len(chosen)} need what it cannot do or were not asked for")
    return failed
