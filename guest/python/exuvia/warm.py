"""Runs before the snapshot what every script runs: caches are full then, and the interpreter has specialised the code."""

import json
import sys

from exuvia import hints, json_text, report, servers
from exuvia.script import Script

_SOURCES = [
    "values = [{'id': n} for n in range(20)]\nresult = sorted(values, key=lambda v: -v['id'])",
    "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 1\nawait asyncio.gather(f(), f())",
    "d = {'a': 1}\n[x['b'] for x in [d]]",
    "d.x",
    "x = = 1",
]


def up():
    """Leaves no trace but warmth: no call of the host is made."""
    main = sys.modules["__main__"]
    for source in _SOURCES * 3:
        script = Script(source, servers.proxies([]))
        try:
            json.loads(json_text.encode(script.run(), "result"))
        except Exception as error:
            report.describe(error, script)
    hints.warm()
    sys.modules["__main__"] = main
    del sys.modules["mcp"]
