"""What is installed: types, README, the program."""

import importlib.metadata
import pathlib
import re
import subprocess
import sys
import sysconfig

import exuvia
import pytest

README = pathlib.Path(__file__).parent.parent / "README.md"


def test_the_examples_of_the_readme_run() -> None:
    examples = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    outputs = []
    for example in examples:
        done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        outputs.append(done.stdout)
    assert "def get_orders(customer: int, limit: int = 10)" in outputs[0] and "{'total': 93.0} 4 orders" in outputs[0]
    assert outputs[1] == "[1, 2, 3]\n"


def test_the_readme_is_the_description_of_the_package() -> None:
    metadata = importlib.metadata.metadata("exuvia")
    assert metadata["Description-Content-Type"].startswith("text/markdown")
    assert exuvia.__version__ == metadata["Version"]
    assert importlib.metadata.requires("exuvia") is None or all(
        "extra ==" in one for one in importlib.metadata.requires("exuvia") or []
    )


@pytest.mark.parametrize("command", [[str(pathlib.Path(sysconfig.get_path("scripts")) / "exuvia")], [sys.executable, "-m", "exuvia"]])
def test_the_program_runs(command: list[str]) -> None:
    done = subprocess.run([*command, "run", "-c", "result = sum(range(10))"], capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.returncode) == ("45\n", 0), done.stderr


def test_importing_the_package_starts_nothing_and_imports_no_framework() -> None:
    program = """
import os, sys, threading, exuvia
print(threading.active_count(), [name for name in ("pydantic", "fastmcp", "smolagents") if name in sys.modules])
print(len(os.listdir("/proc/self/task")) if sys.platform.startswith("linux") else 1)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == "1 []\n1\n", done.stderr
