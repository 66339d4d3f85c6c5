"""What must hold for each real server, and for scripts that join several. The checks have the form of those in `checks`."""

import json

from checks import list_when_started, result_of, text_of
from world import COMMITS

ALL = []

# A tool that each server must list, and how many it has at least.
LISTED = {
    "everything": ("echo", 10),
    "fetch": ("fetch", 1),
    "filesystem": ("read_text_file", 10),
    "git": ("git_log", 10),
    "memory": ("create_entities", 8),
    "sqlite": ("read_query", 6),
    "time_": ("convert_time", 2),
}


def check(function):
    ALL.append(function)
    return function


@check
async def every_server_is_listed_and_has_a_stub_and_docs(client, _version, _world):
    listed = dict(line.split() for line in (await list_when_started(client)).splitlines()[1:])
    for name, (tool, least) in LISTED.items():
        assert int(listed[f"{name}.pyi"]) >= least, listed
        stub = await text_of(client, "readToolFile", fileName=f"{name}.pyi")
        assert f"\ndef {tool}(" in stub and stub.count("\ndef ") == int(listed[f"{name}.pyi"]), stub
        assert (await text_of(client, "getToolDocs", server=name, tool=tool)).startswith(f"# {name}.{tool}")


@check
async def fetch_gives_a_page_as_text(client, _version, world):
    page = await result_of(client, f"fetch.fetch(url={world.page!r})")
    assert "An engine costs 42 pounds." in page, page
    code = f"try:\n    fetch.fetch(url={world.page[:-5]!r})\nexcept ToolError as error:\n    result = str(error)"
    assert "404" in await result_of(client, code)


@check
async def git_tells_the_log(client, _version, world):
    log = await result_of(client, f"git.git_log(repo_path={str(world.repository)!r})")
    assert all(subject in log for _author, subject in COMMITS), log


@check
async def memory_remembers_between_scripts(client, _version, _world):
    code = """
made = memory.create_entities(entities=[
    {"name": "Ada", "entityType": "person", "observations": ["builds engines"]},
    {"name": "engine", "entityType": "thing", "observations": []}])
memory.create_relations(relations=[{"from": "Ada", "to": "engine", "relationType": "builds"}])
"""
    await result_of(client, code)
    graph = await result_of(client, "memory.search_nodes(query='engines')")
    assert [entity["name"] for entity in graph["entities"]] == ["Ada"], graph
    graph = await result_of(client, "memory.read_graph()")
    assert graph["relations"][0]["from"] == "Ada", graph


@check
async def sqlite_reads_and_writes(client, _version, _world):
    code = """
import ast
sqlite.write_query(query="INSERT INTO teams VALUES ('Edsger', 'theory')")
result = ast.literal_eval(sqlite.read_query(query="SELECT * FROM teams WHERE name = 'Edsger'"))
sqlite.write_query(query="DELETE FROM teams WHERE name = 'Edsger'")
"""
    assert await result_of(client, code) == [{"name": "Edsger", "team": "theory"}]


@check
async def time_converts_and_stands_beside_the_module_of_its_name(client, _version, _world):
    code = """
import time
time.monotonic()
result = time_.convert_time(source_timezone="UTC", time="12:00", target_timezone="Asia/Tokyo")
"""
    converted = await result_of(client, code)
    assert "T21:00:00+09:00" in json.dumps(converted), converted


@check
async def arguments_that_do_not_fit_are_told_before_they_leave(client, _version, _world):
    answer = await client.call_tool("executeToolCode", {"code": "time_.convert_time(source_timezone='UTC', time=12)"})
    text = answer.content[0].text
    assert answer.is_error and "needs target_timezone=" in text and "signature: time_.convert_time(" in text, text


JOIN = """
import ast, asyncio, json, re

repository, report = {repository!r}, {report!r}
log, teams = await asyncio.gather(git.git_log(repo_path=repository, max_count=50), sqlite.read_query(query="SELECT * FROM teams"))
team_of = {{row["name"]: row["team"] for row in ast.literal_eval(teams)}}
counts = {{}}
for author in re.findall("^Author: (.+)$", log, re.MULTILINE):
    counts[team_of[author]] = counts.get(team_of[author], 0) + 1
await filesystem.write_file(path=report, content=json.dumps(counts, sort_keys=True))
print(len(log), "characters of log")
result = json.loads((await filesystem.read_text_file(path=report))["content"])
"""

JOINED = {"hardware": 2, "software": 1}


def join(world):
    """A script that joins git, sqlite and filesystem."""
    return JOIN.format(repository=str(world.repository), report=str(world.files / "report.json"))


@check
async def a_script_joins_git_sqlite_and_filesystem(client, _version, world):
    assert await result_of(client, join(world)) == JOINED
    assert json.loads((world.files / "report.json").read_text(encoding="utf-8")) == JOINED
    (world.files / "report.json").unlink()


@check
async def a_script_uses_all_seven(client, _version, world):
    code = f"""
import asyncio
answers = await asyncio.gather(
    everything.echo(message="hi"), fetch.fetch(url={world.page!r}), filesystem.list_allowed_directories(),
    git.git_status(repo_path={str(world.repository)!r}), memory.read_graph(), sqlite.list_tables(),
    time_.get_current_time(timezone="UTC"))
result = [bool(answer) for answer in answers]
"""
    assert await result_of(client, code) == [True] * 7
