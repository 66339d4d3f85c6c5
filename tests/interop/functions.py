"""A saved function as clients see it: as a tool and as a skill, once a person has promoted it, and until its text changes. Each check takes
a way to open the client, and the folder."""

import json
import os
import subprocess
from pathlib import Path

from world import program

ALL = []

CONFIG = """
auto_execute = ["functions.*", "everything.*"]

[functions]
dir = "functions"
expose = true

[servers.everything]
command = {everything}
args = ["stdio"]

[journal]
path = "journal"
"""

FUNCTION = """
def added_twice(first: int, second: int = 1) -> str:
    \"\"\"Adds two numbers, and the sum to itself, by a server.\"\"\"
    total = int(everything.get_sum(a=first, b=second).split(" is ")[1].strip("."))
    return everything.get_sum(a=total, b=total)
"""

TOOL, SKILL = "functions__added_twice", "skill://functions/added-twice/SKILL.md"


def check(function):
    ALL.append(function)
    return function


class Saved:
    """A folder with one function, which nobody has promoted."""

    def __init__(self, exuvia, folder):
        self.exuvia, self.folder = exuvia, folder
        self.config, self.file = folder / "exuvia.toml", folder / "functions" / "added_twice.py"
        self.file.parent.mkdir()
        self.file.write_text(FUNCTION, encoding="utf-8")
        self.config.write_text(CONFIG.format(everything=json.dumps(program("everything"))), encoding="utf-8")

    def target(self):
        return [self.exuvia, "stdio", "--config", str(self.config)]

    def promote(self):
        self._functions("promote", "added_twice")

    def retire(self):
        self._functions("retire", "added_twice")

    def _functions(self, *arguments):
        environment = {**os.environ, "XDG_DATA_HOME": str(self.folder / "data")}
        subprocess.run([self.exuvia, "functions", *arguments, "--config", str(self.config)], check=True, capture_output=True, env=environment)


async def _offered(client):
    """Whether it is there as a tool, and as a skill."""
    tools, resources = (await client.list_tools()).tools, (await client.list_resources()).resources
    return TOOL in [tool.name for tool in tools], SKILL in [str(resource.uri) for resource in resources]


@check
async def what_nobody_promoted_is_not_there(opened, saved):
    async with opened(saved.target()) as client:
        assert await _offered(client) == (False, False)
        answer = await client.call_tool("executeToolCode", {"code": "functions.added_twice(first=1)"})
        assert answer.is_error, answer


@check
async def a_promoted_one_is_a_tool(opened, saved):
    saved.promote()
    async with opened(saved.target()) as client:
        assert await _offered(client) == (True, True)
        tool = next(tool for tool in (await client.list_tools()).tools if tool.name == TOOL)
        assert tool.input_schema["required"] == ["first"] and set(tool.input_schema["properties"]) == {"first", "second"}, tool
        answer = await client.call_tool(TOOL, {"first": 20})
        assert not answer.is_error and "42" in answer.content[0].text, answer
        answer = await client.call_tool(TOOL, {"first": "twenty"})
        assert answer.is_error and "first" in answer.content[0].text, answer


@check
async def and_a_skill_whose_text_says_how_to_call_it(opened, saved):
    async with opened(saved.target()) as client:
        file = (await client.read_resource(SKILL)).contents[0]
        _empty, front, text = file.text.split("---\n", 2)
        assert "name: added-twice" in front and "Adds two numbers" in front, front
        assert "def added_twice(" in text and "executeToolCode" in text, text
        answer = await client.call_tool("executeToolCode", {"code": "functions.added_twice(first=20)"})
        assert not answer.is_error and "42" in answer.content[0].text, answer


@check
async def a_changed_one_is_not_called(opened, saved):
    saved.file.write_text(FUNCTION.replace("get_sum(a=total, b=total)", 'echo(message="changed")'), encoding="utf-8")
    try:
        async with opened(saved.target()) as client:
            assert await _offered(client) == (False, False)
            answer = await client.call_tool("executeToolCode", {"code": "functions.added_twice(first=20)"})
            assert answer.is_error and "withheld: its file changed" in answer.content[0].text, answer
    finally:
        saved.file.write_text(FUNCTION, encoding="utf-8")


@check
async def nor_is_a_retired_one(opened, saved):
    saved.retire()
    async with opened(saved.target()) as client:
        assert await _offered(client) == (False, False)
