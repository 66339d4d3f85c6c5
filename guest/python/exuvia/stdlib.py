"""The standard library: all of it that can exist is imported before the snapshot, and nothing else is ever found."""

import contextlib
import importlib
import io
import pkgutil
import sys
import warnings

# Never imported: they open a browser, need a screen, or are not for scripts.
_SKIPPED = {
    "__main__", "antigravity", "ensurepip", "idlelib", "test", "tests", "this", "tkinter", "turtle", "turtledemo", "venv",
}

_NO_LIBRARY = "its C library is not part of the sandbox"
_NO_NETWORK = "the sandbox has no network; call a tool"
_NO_PROCESS = "the sandbox has no processes"
_NO_SCREEN = "the sandbox has no screen or terminal"

_REASONS = {
    "_bz2": _NO_LIBRARY,
    "_ctypes": "the sandbox loads no native libraries",
    "_curses": _NO_SCREEN,
    "_lzma": _NO_LIBRARY,
    "_multiprocessing": _NO_PROCESS,
    "_posixsubprocess": _NO_PROCESS,
    "_ssl": _NO_NETWORK,
    "_tkinter": _NO_SCREEN,
    "_zstd": _NO_LIBRARY,
    "antigravity": _NO_SCREEN,
    "bz2": _NO_LIBRARY,
    "compression.bz2": _NO_LIBRARY,
    "compression.lzma": _NO_LIBRARY,
    "compression.zstd": _NO_LIBRARY,
    "ctypes": "the sandbox loads no native libraries",
    "curses": _NO_SCREEN,
    "ensurepip": "nothing can be installed in the sandbox",
    "idlelib": _NO_SCREEN,
    "lzma": _NO_LIBRARY,
    "mmap": "the sandbox has no files",
    "readline": _NO_SCREEN,
    "ssl": _NO_NETWORK,
    "termios": _NO_SCREEN,
    "tkinter": _NO_SCREEN,
    "tty": _NO_SCREEN,
    "turtle": _NO_SCREEN,
    "turtledemo": _NO_SCREEN,
    "venv": "nothing can be installed in the sandbox",
}

_NETWORK_PACKAGES = {"aiohttp", "httpx", "requests", "urllib3", "websocket", "websockets"}


def import_all():
    """Imports every module of the standard library that this interpreter has."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for name in sorted(sys.stdlib_module_names):
            _import(name)


def _import(name):
    if name.rpartition(".")[2] in _SKIPPED or name in _REASONS:
        return
    try:
        module = importlib.import_module(name)
    except BaseException:
        # The platform lacks it. What it had pulled in before it failed would look importable.
        for loaded in [known for known in sys.modules if known.startswith(f"{name}.")]:
            del sys.modules[loaded]
        return
    for found in pkgutil.iter_modules(getattr(module, "__path__", ())):
        _import(f"{name}.{found.name}")


class _NothingElse:
    """The last of `sys.meta_path`: says why a module is not there."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        top = name.partition(".")[0]
        if reason := _REASONS.get(name) or _REASONS.get(top):
            raise ModuleNotFoundError(f"No module named {name!r}: {reason}", name=name)
        if top in _NETWORK_PACKAGES:
            raise ModuleNotFoundError(f"No module named {name!r}: {_NO_NETWORK}", name=name)
        if top not in sys.modules and top not in sys.stdlib_module_names:
            raise ModuleNotFoundError(f"No module named {name!r}: only the standard library exists here", name=name)
        if top not in sys.modules:
            raise ModuleNotFoundError(f"No module named {name!r}: this platform has none", name=name)


def close():
    """Takes the file system out of the import system."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if getattr(finder, "__name__", "") != "PathFinder"]
    sys.meta_path.append(_NothingElse)
    sys.path.clear()
    sys.path_hooks.clear()
    sys.path_importer_cache.clear()
