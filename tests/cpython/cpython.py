"""Runs CPython's own tests of files in the sandbox, and says what differs from expected.toml.

cpython.py EXUVIA TESTS [MODULE...]: TESTS is the folder `Lib/test` of CPython.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

HERE = Path(__file__).parent

CONFIG = """
workspace = "tests"

[workspaces.tests]
share = "all"
path = {path}
bytes = "8 GiB"
files = 100000
open_files = 500

[limits]
fuel = 4_000_000_000_000
wall_ms = 900_000
memory_bytes = "1 GiB"
"""


class Place:
    """A workspace with the tests, and a directory in which they work."""

    def __init__(self, exuvia: Path, tests: Path, folder: Path):
        self.exuvia, self.files, self.config = exuvia, folder / "files", folder / "exuvia.toml"
        shutil.copytree(tests, self.files / "test", ignore=shutil.ignore_patterns("__pycache__"))
        self.config.write_text(CONFIG.format(path=json.dumps(str(self.files))))
        self.env = os.environ | {"XDG_DATA_HOME": str(folder / "data")}

    def run(self, module: str) -> dict:
        """What the tests of a module came to. A script that does not return is one that is wrong."""
        work = self.files / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        script = f"MODULE = {module!r}\n" + (HERE / "in_sandbox.py").read_text()
        command = [self.exuvia, "run", "--json", "--config", self.config, "-"]
        ended = subprocess.run(command, input=script, capture_output=True, text=True, env=self.env, check=False)
        try:
            report = json.loads(ended.stdout)
        except json.JSONDecodeError:
            report = {}
        outcome = report.get("result")
        if isinstance(outcome, dict) and "wrong" in outcome:
            return outcome
        said = (ended.stdout + ended.stderr)[-2_000:]
        return {"run": 0, "skipped": 0, "wrong": {"(the script)": said}}


def reason_of(test: str, expected: dict) -> str:
    """Why a test fails, as expected.toml says."""
    return next((reason for name, reason in expected.items() if fnmatchcase(test, name)), "not expected")


def difference(module: str, wrong: dict, expected: dict, is_same_version: bool) -> list[str]:
    """What is wrong and not expected, and what is expected and is not wrong, which may be so with tests of another version."""
    known = [test for test in wrong if any(fnmatchcase(test, name) for name in expected)]
    found = [f"{module}: {test}: {why}" for test, why in wrong.items() if test not in known]
    stale = [name for name in expected if not any(fnmatchcase(test, name) for test in known)]
    return found + [f"{module}: {name} is in expected.toml and passes" for name in stale if is_same_version]


def version_of(tests: Path) -> str:
    """The version of CPython that these tests are of, as far as their place says it."""
    header = tests.parent.parent / "Include" / "patchlevel.h"
    text = header.read_text() if header.exists() else tests.parent.name
    named = re.search(r'PY_VERSION\s+"(\d+\.\d+)', text) or re.search(r"python(\d+\.\d+)", text)
    return named[1] if named else "unknown"


def main() -> int:
    exuvia, tests, *modules = sys.argv[1:]
    listed = tomllib.loads((HERE / "expected.toml").read_text())
    version, expected = version_of(Path(tests)), listed["wrong"]
    is_same_version = version == listed["version"]
    print(f"tests of CPython {version}; expected.toml was made with those of {listed['version']}")
    sums, differences, reasons = [0, 0, 0, 0], [], Counter()
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(exuvia), Path(tests), Path(folder))
        for module in modules or listed["modules"]:
            outcome = place.run(module)
            run, skipped, wrong = outcome["run"], outcome["skipped"], outcome["wrong"]
            counts = [run - skipped - len(wrong), len(wrong), skipped, run]
            sums = [sum(both) for both in zip(sums, counts)]
            print("{:<24} {:>5} passed {:>4} failed {:>4} skipped".format(module, *counts), flush=True)
            reasons.update(reason_of(test, expected.get(module, {})) for test in wrong)
            differences += difference(module, wrong, expected.get(module, {}), is_same_version)
    print("{:<24} {:>5} passed {:>4} failed {:>4} skipped".format("all", *sums))
    for reason, count in reasons.most_common():
        print(f"{count:>5} fail: {reason}")
    for line in differences:
        print(f"NOT EXPECTED {line}")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
