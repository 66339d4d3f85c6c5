"""The export `run`."""

import ast
import contextlib
import io
import json
import traceback

import wit_world
from componentize_py_types import Err
from wit_world import Outcome_Raised, Outcome_Returned, ScriptError
from wit_world.imports import output, tools


class LogStream(io.TextIOBase):
    def __init__(self, name):
        self.name = name

    def write(self, text):
        output.write(self.name, text)
        return len(text)


class Server:
    def __init__(self, server):
        self._server = server

    def __getattr__(self, name):
        def call(**arguments):
            try:
                return json.loads(tools.call(self._server.name, name, json.dumps(arguments)))
            except Err as error:
                raise RuntimeError(repr(error.value)) from None

        return call


class WitWorld(wit_world.WitWorld):
    def run(self, to_run):
        try:
            scope = {"__name__": "__main__"}
            for server in tools.servers():
                scope[server.python_name] = Server(server)
            out, err = LogStream(output.StreamName.STDOUT), LogStream(output.StreamName.STDERR)
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                exec(compile(ast.parse(to_run.source), "script.py", "exec"), scope)
            return Outcome_Returned(json.dumps(scope.get("result")))
        except BaseException as error:
            text = "".join(traceback.format_exception(error))
            return Outcome_Raised(ScriptError(type(error).__name__, str(error), None, text, None))
