"""What must hold for many clients of one endpoint. Each check takes the clients by name, and the URL."""

import asyncio
import json

from checks import META_TOOLS, result_of, text_of
from daemon import get

ALL = []

# How many of each client.
EACH = 4

# How long the scripts of clients that stay, and of those that leave, would take, in seconds.
STAY = 10
LEAVE = 40


def check(function):
    ALL.append(function)
    return function


@check
async def every_client_gets_its_own_answers(connected, url):
    async def one(name, number, client):
        async with client(url) as connection:
            for turn in range(5):
                word = f"{name} {number} {turn}"
                said = await result_of(connection, f"everything.echo(message={json.dumps(word)})")
                assert word in said, (word, said)
                assert [tool.name for tool in (await connection.list_tools()).tools] == META_TOOLS

    async with asyncio.TaskGroup() as tasks:
        for name, (client, _version) in connected.items():
            for number in range(EACH):
                tasks.create_task(one(name, number, client))


@check
async def clients_that_leave_take_their_scripts_with_them_and_no_others(connected, url):
    async def one(client, seconds):
        async with client(url) as connection:
            code = f"everything.trigger_long_running_operation(duration={seconds}, steps=1)\nresult = 'stayed'"
            return await text_of(connection, "executeToolCode", code=code)

    clients = [client for client, _version in connected.values()]
    stay = [asyncio.create_task(one(client, STAY)) for client in clients]
    leave = [asyncio.create_task(one(client, LEAVE)) for client in clients]
    async with asyncio.timeout(STAY):
        while _running(url) < len(stay) + len(leave):
            await asyncio.sleep(0.02)
    before = _cancelled(url)
    for task in leave:
        task.cancel()
    answers = await asyncio.gather(*stay)
    assert answers == ['"stayed"'] * len(stay), answers
    await asyncio.wait(leave)
    async with asyncio.timeout(LEAVE / 2):
        while _running(url) > 0:
            await asyncio.sleep(0.02)
    assert _cancelled(url) - before == len(leave), (before, _cancelled(url))


def _running(url):
    return sum(_metric(url, f'exuvia_runs_in_flight{{state="{state}"}}') for state in ("queued", "executing"))


def _cancelled(url):
    return _metric(url, 'exuvia_runs_total{outcome="cancelled"}')


def _metric(url, name):
    """What it is now; 0 if it is not told yet."""
    lines = (line.rpartition(" ") for line in get(url.removesuffix("mcp") + "metrics").splitlines())
    return int(next((value for told, _space, value in lines if told == name), 0))
