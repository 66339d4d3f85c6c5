"""What a sandbox cannot have, refused in one line that says so. The host refuses it anyway, in the words of WASI."""

import _thread
import builtins
import errno
import io
import multiprocessing.context
import multiprocessing.pool
import multiprocessing.process
import os
import socket
import threading
import urllib.error
import urllib.request

WORKSPACE = "/workspace"

_NO_FILES = "the sandbox has no files"
_ELSEWHERE = f"the sandbox has files in {WORKSPACE} only"
_EXPLAINED = {
    errno.EDQUOT: "the workspace is full: remove files or write less",
    errno.ENOMEM: "too many open files: close some",
    errno.EROFS: "the workspace is read-only",
    errno.EPERM: f"not permitted: no links or devices, and nothing outside of {WORKSPACE}",
}
_NO_NETWORK = "the sandbox has no network; call a tool"
_NO_PROCESSES = "the sandbox has no processes"
_NO_THREADS = (
    "the sandbox has no threads; for parallel calls use asyncio.gather, or ThreadPoolExecutor.map with a tool"
)

_open = io.open


def _open_explained(file, *args, **kwargs):
    try:
        return _open(file, *args, **kwargs)
    except OSError as error:
        refused = type(error)(error.errno, _explanation(error, file), str(file))
    raise refused


def has_files():
    """Whether the run has a workspace."""
    return os.access(WORKSPACE, os.F_OK)


def _explanation(error, file):
    if not has_files():
        return _NO_FILES
    path = os.path.abspath(os.fspath(file)) if isinstance(file, (str, os.PathLike)) else WORKSPACE
    if path != WORKSPACE and not path.startswith(f"{WORKSPACE}/"):
        return _ELSEWHERE
    return _EXPLAINED.get(error.errno, error.strerror)


def _refuse(error):
    def refuse(*_args, **_kwargs):
        raise error()

    return refuse


def install():
    """Puts the refusals in place."""
    builtins.open = io.open = _open_explained
    no_network = _refuse(lambda: OSError(errno.ENETUNREACH, _NO_NETWORK))
    socket.socket.__init__ = no_network
    for name in ("create_connection", "create_server", "getaddrinfo", "gethostbyname"):
        setattr(socket, name, no_network)
    urllib.request.OpenerDirector.open = _refuse(lambda: urllib.error.URLError(_NO_NETWORK))
    no_threads = _refuse(lambda: RuntimeError(_NO_THREADS))
    threading.Thread.start = _thread.start_new_thread = no_threads
    no_processes = _refuse(lambda: OSError(errno.ENOTSUP, _NO_PROCESSES))
    multiprocessing.process.BaseProcess.start = no_processes
    for name in ("Pool", "Manager", "Queue", "Lock", "Pipe"):
        setattr(multiprocessing, name, no_processes)
        setattr(multiprocessing.context.BaseContext, name, no_processes)
    multiprocessing.pool.ThreadPool.__init__ = no_threads
