"""What must hold for every client, whatever its era. Each check takes the client, the expected version and the world."""

import asyncio
import json
from pathlib import Path

# The checks read results as JSON: nothing of one is left out.
WHOLE_ANSWERS = ["--config", str(Path(__file__).with_name("exuvia.toml"))]

META_TOOLS = ["listToolFiles", "readToolFile", "getToolDocs", "executeToolCode"]

ALL = []


def check(function):
    ALL.append(function)
    return function


async def text_of(client, meta_tool, /, **arguments):
    """The text of an answer that is no error."""
    answer = await client.call_tool(meta_tool, arguments)
    text = "\n".join(block.text for block in answer.content)
    assert not answer.is_error, text
    return text


async def list_when_started(client):
    """The list of stub files, once no server is starting any more."""
    async with asyncio.timeout(60):
        while "starting" in (text := await text_of(client, "listToolFiles")):
            await asyncio.sleep(0.1)
    return text


async def result_of(client, code):
    """What a script returns, without its log."""
    text = await text_of(client, "executeToolCode", code=code)
    return json.loads(text.partition("\n--- log\n")[0].partition("\nnote: ")[0])


@check
async def lists_the_four_tools(client, _version, _world):
    tools = (await client.list_tools()).tools
    assert [tool.name for tool in tools] == META_TOOLS, tools
    assert all(tool.input_schema["type"] == "object" for tool in tools)


@check
async def lists_a_stub_per_server(client, _version, _world):
    text = await list_when_started(client)
    assert "everything.pyi" in text and "filesystem.pyi" in text, text


@check
async def reads_stubs(client, _version, _world):
    text = await text_of(client, "readToolFile", fileName="everything.pyi")
    assert "def get_sum(" in text and "def echo(" in text, text
    line = await text_of(client, "readToolFile", fileName="filesystem.pyi:1-2")
    assert len(line) < len(await text_of(client, "readToolFile", fileName="filesystem.pyi")), line


@check
async def documents_a_tool(client, _version, _world):
    text = await text_of(client, "getToolDocs", server="filesystem", tool="read_text_file")
    assert text.startswith("# filesystem.read_text_file") and "file" in text.partition("\n")[2], text


@check
async def runs_a_script_without_tools(client, _version, _world):
    assert await result_of(client, "import statistics\nstatistics.mean([1, 2, 6])") == 3


@check
async def calls_everything(client, _version, _world):
    echoed, total = await result_of(client, "[everything.echo(message='hi'), everything.get_sum(a=2, b=40)]")
    assert "hi" in echoed and "42" in total, (echoed, total)


@check
async def takes_structured_content(client, _version, _world):
    weather = await result_of(client, "everything.get_structured_content(location='Chicago')")
    assert set(weather) == {"temperature", "conditions", "humidity"}, weather


@check
async def calls_filesystem(client, _version, world):
    code = f"filesystem.list_directory(path={str(world.files)!r})"
    listed = json.dumps(await result_of(client, code))
    assert all(name in listed for name in ("one.txt", "two.txt", "three.txt")), listed


@check
async def joins_both_servers(client, _version, world):
    code = f"""
import asyncio, re

names = ["one.txt", "two.txt", "three.txt"]
def content(answer):
    return answer["content"] if isinstance(answer, dict) else answer

texts = await asyncio.gather(*[filesystem.read_text_file(path={str(world.files)!r} + "/" + name) for name in names])
words = {{name: len(content(text).split()) for name, text in zip(names, texts)}}
total = 0
for count in words.values():
    total = int(re.search(r"is (-?\\d+)", await everything.get_sum(a=total, b=count)).group(1))
print("words", words)
result = {{"words": words, "total": total, "said": await everything.echo(message=f"{{total}} words")}}
"""
    joined = await result_of(client, code)
    assert joined["words"] == {"one.txt": 2, "two.txt": 3, "three.txt": 1}, joined
    assert joined["total"] == 6 and "6 words" in joined["said"], joined


@check
async def writes_what_it_reads(client, _version, world):
    path = str(world.files / "four.txt")
    code = f"filesystem.write_file(path={path!r}, content=everything.echo(message='written'))"
    await result_of(client, code)
    assert "written" in (world.files / "four.txt").read_text(encoding="utf-8")
    (world.files / "four.txt").unlink()


@check
async def a_script_catches_the_error_of_a_tool(client, _version, _world):
    code = """
try:
    filesystem.read_text_file(path="/etc/hostname")
except ToolError as error:
    result = [error.server, error.tool, str(error)]
"""
    server, tool, message = await result_of(client, code)
    assert (server, tool) == ("filesystem", "read_text_file") and message, message


@check
async def an_error_names_the_line_and_the_calls(client, _version, _world):
    answer = await client.call_tool("executeToolCode", {"code": "x = everything.echo(message='a')\nx.nothing"})
    text = answer.content[0].text
    assert answer.is_error and "> 2 | x.nothing" in text and "everything.echo 1 ok" in text, text


@check
async def tells_what_a_run_used(client, _version, _world):
    answer = await client.call_tool("executeToolCode", {"code": "everything.get_sum(a=1, b=1)"})
    usage = answer.meta["exuvia/usage"]
    assert usage["fuel"] > 0 and usage["tool_calls"] == 1, usage
