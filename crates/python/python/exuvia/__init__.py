"""Runs Python that a language model wrote, in a fresh CPython 3.14 in WebAssembly, under limits, with functions of yours as tools.

    import asyncio, exuvia

    def weather(city: str) -> dict[str, float]:
        \"\"\"The weather of a city now.\"\"\"
        return {"celsius": 21.5}

    sandbox = exuvia.Sandbox(tools=[weather])
    result = asyncio.run(sandbox.run("tools.weather(city='Bern')['celsius'] * 2"))
    assert result.value == 43.0

`Sandbox.run_sync` is the same for synchronous code, `Sandbox.session` an interpreter that keeps its state.
"""

import atexit as _atexit

from . import _errors, _native, _results, _sandbox, _session, _tools
from ._errors import *
from ._results import *
from ._sandbox import *
from ._session import *
from ._tools import *

__version__ = _native.VERSION

GUEST_DIGEST = _native.GUEST_DIGEST
"""The SHA-256 of the guest component. Fuel can be compared between runs of one guest."""

__all__ = [
    "GUEST_DIGEST",
    *_errors.__all__,
    *_results.__all__,
    *_sandbox.__all__,
    *_session.__all__,
    *_tools.__all__,
]

_atexit.register(_native.close)
