"""The guest's side of a session: not imported here, but run in the sandbox, where it runs one step after another.

It calls the tool `exuvia_session.next` with what came of a step, and gets the next one. What it says is the script's word: whoever takes
the guest apart harms the own session only.
"""
# ruff: noqa: F821

import builtins
import contextlib
import dis
import types

from exuvia import calls, frames, json_text, loop, output, refused, report, script
from exuvia.script import _Returned

NAME = "exuvia_session"


class Step(script.Script):
    """One step: a script in the namespace that all steps share."""

    is_first = True

    def __init__(self, source, mcp, module):
        super().__init__(source, mcp)
        self.module = module
        self.names = module.__dict__
        self.sets_result = False
        self.is_final = False

    def _compile(self):
        code = super()._compile()
        if "result" in code.co_names:
            stores = ("STORE_NAME", "STORE_GLOBAL")
            self.sets_result = any(
                one.opname in stores and one.argval == "result" for one in dis.get_instructions(code)
            )
        return code

    def _prepare(self):
        if Step.is_first:
            super()._prepare()
            Step.is_first = False
        setattr(builtins, script._LAST, self._set_last)

    def has_result(self):
        return self.sets_result

    def _value(self):
        return self.names.get("result") if self.sets_result else self.last

    def final_answer(self, answer=None):
        """Ends the step, and says that this is the answer."""
        self.is_final = True
        raise _Returned(answer)


def under_name(name):
    """Compiles what follows under this name: so that frames of earlier steps differ from those of this one."""
    report.SCRIPT = frames.SCRIPT = script.SCRIPT = loop._SCRIPT = name


def run(step):
    """The outcome of a step, as it is reported to the host."""
    try:
        try:
            value = step.run()
            text = encoded(value, step)
            refused.tell(text)
        finally:
            refused.forget()
            output.flush()
        return {"value": text, "is_final": step.is_final}
    except BaseException as error:
        give_up()
        denied = report.denial(error)
        told = report.describe(denied or error, step)
        kind = "exited" if isinstance(error, SystemExit) else told.kind
        return {
            "error": [kind, told.message, told.line, told.traceback, told.hint],
            "is_denied": denied is not None,
        }


def give_up():
    """Cancels the calls that a failed step has left: whoever runs the steps waits for calls at the end of each."""
    for waiting in list(calls.outstanding.values()):
        # Whoever waits for it on a loop that is closed is not told.
        with contextlib.suppress(RuntimeError):
            waiting.cancel()
        # Dropping the resource is what tells the host.
        waiting._pending = None
    calls.outstanding.clear()
    calls.loose.clear()


def encoded(value, step):
    """The value as JSON, or what a prompt shows of it where it stands there for what it does."""
    try:
        return json_text.encode(value, "result")
    except (TypeError, ValueError):
        if step.sets_result or step.is_final:
            raise
    return json_text.encode(repr(value), "result")


def steps(mcp):
    """Runs steps until there are no more."""
    server = mcp.__dict__.pop(NAME)
    object.__setattr__(mcp, "_Servers__names", [name for name in mcp if name != NAME])
    module = types.ModuleType("__main__")
    following, ended, number = server["next"], None, 0
    while True:
        try:
            todo = following(ended=ended)
        except ToolLimitReached as error:
            told = ["ResultTooLarge", f"the result of a step must fit into a call: {error}", None, "", None]
            todo = following(ended={"error": told, "is_denied": False})
        if todo["code"] is None:
            return
        number += 1
        under_name(f"step_{number}.py")
        step = Step(todo["code"], mcp, module)
        for name, (of, tool) in todo["globals"].items():
            step.names.setdefault(name, mcp[of][tool])
        step.names.update(todo["inputs"])
        if todo["final_answer"]:
            step.names["final_answer"] = step.final_answer
        ended = run(step)


calls.loose.clear()
steps(mcp)
