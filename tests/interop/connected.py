"""What must hold for clients that stay connected. The checks have the form of those in `checks`."""

import asyncio
import re

from checks import result_of

ALL = []

# How long the script that is cancelled waits for its last call, and how long nothing of it must be seen after that, in seconds.
LAST_CALL = 3
AFTERWARDS = 2


def check(function):
    ALL.append(function)
    return function


@check
async def speaks_the_version_of_its_era(client, version, _world):
    assert client.protocol_version == version, client.protocol_version
    if client.server_info is not None:
        assert client.server_info.name == "exuvia", client.server_info


@check
async def a_script_tells_how_it_goes_on(client, _version, _world):
    code = """
for turn in range(3):
    print("turn", turn)
    everything.trigger_long_running_operation(duration=0.6, steps=1)
"""
    told = []

    async def note(progress, _total, message):
        told.append((progress, message))

    answer = await client.call_tool("executeToolCode", {"code": code}, progress_callback=note)
    assert not answer.is_error, answer
    assert told and all(re.fullmatch(r"[123] calls?; turn [012]", message) for _progress, message in told), told
    assert [progress for progress, _message in told] == sorted({progress for progress, _message in told}), told


@check
async def a_script_that_is_cancelled_calls_nothing_more(client, _version, world):
    begun, ended = world.files / "begun.txt", world.files / "ended.txt"
    code = f"""
filesystem.write_file(path={str(begun)!r}, content="")
everything.trigger_long_running_operation(duration={LAST_CALL}, steps=1)
filesystem.write_file(path={str(ended)!r}, content="")
"""
    call = asyncio.create_task(client.call_tool("executeToolCode", {"code": code}))
    async with asyncio.timeout(30):
        while not begun.exists():
            assert not call.done(), await call
            await asyncio.sleep(0.02)
    call.cancel()
    await asyncio.wait([call])
    assert call.cancelled(), call
    await asyncio.sleep(LAST_CALL + AFTERWARDS)
    assert not ended.exists()
    begun.unlink()
    assert await result_of(client, "1 + 1") == 2
