"""The export `run`, and the snapshot it starts from: this module's top level runs once, when the guest is built."""

import builtins
import sys

import wit_world
from wit_world import (
    Outcome_Denied,
    Outcome_Exited,
    Outcome_OutOfMemory,
    Outcome_Raised,
    Outcome_ResultTooLarge,
    Outcome_Returned,
    ScriptError,
)
from wit_world.imports import tools

from exuvia import bindings, errors, stdlib

stdlib.import_all()

from exuvia import (  # noqa: E402
    barred,
    chance,
    executors,
    frames,
    fresh,
    further,
    heap,
    help,
    json_text,
    loop,
    output,
    refused,
    repeats,
    report,
    servers,
    warm,
    zones,
)
from exuvia.script import Script, run_exit_functions  # noqa: E402

# Room for the report of a MemoryError, in the snapshot so that it is there from the start.
_BALLAST_BYTES = 1 << 20

# Made beforehand: a script may leave neither memory nor working built-ins to make an answer with.
_NO_MEMORY = Outcome_OutOfMemory(ScriptError("MemoryError", "out of memory", None, "", None))
_UNTOLD = Outcome_Raised(ScriptError("untold", "the script broke what its error would be told with", None, "", None))

# The script that ran last.
_last = None

# Empty unless something was refused. As a name of this module it is found at once.
_refused = refused.found
_ballast = None


def _prepare():
    global _ballast
    for error in errors.ALL:
        setattr(builtins, error.__name__, error)
    barred.install()
    frames.install()
    executors.install()
    loop.install()
    servers.install()
    help.install()
    repeats.install()
    zones.install()
    json_text.install()
    warm.up()
    stdlib.close()
    output.install()
    _ballast = bytes(_BALLAST_BYTES)
    bindings.install()
    loop.make_spare()
    chance.install()
    fresh.forget_the_build()
    heap.fill()


class WitWorld(wit_world.WitWorld):
    def run(self, to_run):
        """Runs a script. Whatever happens, this returns: an exception that left it would abort the guest."""
        global _last
        try:
            if _last is None:
                fresh.renew()
            else:
                further.renew()
            script = _last = Script(to_run.source, servers.proxies(tools.servers()), _last)
            try:
                return _returned(script, to_run.result_bytes)
            except BaseException as error:
                return _failed(error, script)
            finally:
                further.ended(script)
                output.flush()
        except MemoryError:
            return _NO_MEMORY
        except BaseException:
            return _UNTOLD


def _returned(script, result_bytes):
    try:
        value = script.run()
        # Encoded before the script counts as ended: a generator as the result may still call tools and print.
        text = _encode(value, script)
        if _refused:
            refused.tell(text)
    finally:
        tools.script_ended()
        run_exit_functions()
    size = len(text) if text.isascii() else len(text.encode())
    return Outcome_ResultTooLarge(size) if size > result_bytes else Outcome_Returned(text)


def _encode(value, script):
    try:
        return json_text.encode(value, "result")
    except (TypeError, ValueError):
        if script.has_result():
            raise
    # A last expression may stand there for what it does. It is shown as a prompt would show it.
    return json_text.encode(repr(value), "result")


def _failed(error, script):
    if _is_out_of_memory(error):
        return _out_of_memory(error, script)
    if isinstance(error, SystemExit):
        return Outcome_Exited(_exit(error, script))
    denied = report.denial(error)
    if denied is not None:
        return Outcome_Denied(report.describe(denied, script))
    return Outcome_Raised(report.describe(error, script))


def _is_out_of_memory(error):
    return any(isinstance(leaf, MemoryError) for leaf in report.leaves(error))


def _out_of_memory(error, script):
    """Frees the reserve, tells the line, and lets go of everything the script holds before it builds the answer."""
    global _ballast
    _ballast = None
    frames = report._frames(report.leaves(error)[0])
    line = frames[-1][1] if frames else None
    del frames
    error.__traceback__ = error.__context__ = None
    script.names.clear()
    parts = report.excerpt(script.lines, line) if line is not None else []
    return Outcome_OutOfMemory(ScriptError("MemoryError", "out of memory", line, output.printable("\n".join(parts)), None))


def _exit(error, script):
    told = report.describe(error, script)
    told.message = f"exit code {error.code or 0}" if isinstance(error.code, (int, type(None))) else told.message
    return told


_prepare()
