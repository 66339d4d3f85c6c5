"""What the suite runs as the client under test: `exuvia run` against the suite's server, and `exuvia login` when it says so.

client.py EXUVIA URL; the scenario's name and what belongs to it come in the environment, from the suite.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path

from scripts import ASKED, script_for

# How often it logs in before it gives up, as a person would.
LOGINS = 2

# How long a run, and a login from its start to its token, may take, in seconds.
PATIENCE_S = 25


def config(url, scenario, context):
    """An exuvia.toml with the suite's server, and with the client that the suite has registered, if it says one."""
    lines = ["[servers.suite]", f"url = {json.dumps(url)}"]
    if "client_secret" in context:
        lines += ["[servers.suite.oauth]", f"client_id = {json.dumps(context['client_id'])}"]
        lines += [f"client_secret = {json.dumps(context['client_secret'])}"]
        lines += ['grant = "client-credentials"'] if "client-credentials" in scenario else []
    return "\n".join(lines) + "\n"


class Exuvia:
    """The program with a home of its own, so that no token outlives the scenario."""

    def __init__(self, program, folder, configuration):
        self.program = program
        self.file = folder / "exuvia.toml"
        self.file.write_text(configuration, encoding="utf-8")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "EXUVIA_"))}
        self.environment = {**kept, "HOME": str(folder)}

    def run(self, script):
        """The exit status of `exuvia run`, and everything that it said."""
        command = [self.program, "run", "--config", str(self.file), "-"]
        done = subprocess.run(
            command,
            input=script,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_S,
        )
        print(done.stdout)
        return done.returncode, done.stdout

    def run_asked(self, script):
        """The same, by a client that can be asked."""
        import asyncio

        import asked

        command = [self.program, "stdio", "--config", str(self.file), "--auto-execute", "*.*"]
        said = asyncio.run(asked.run(command, self.environment, script))
        print(said)
        return 0, said

    def login(self, *more):
        """Logs in, and consents at the address that it prints, as a browser would: by following where it leads."""
        command = [self.program, "login", "suite", "--no-browser", "--config", str(self.file), *more]
        login = subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        stop = threading.Timer(PATIENCE_S, login.kill)
        stop.start()
        for line in login.stdout:
            print(line, end="")
            if found := re.search(r"^\s*(https?://\S+)\s*$", line):
                consent(found[1])
        stop.cancel()
        return login.wait()


def consent(url):
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as page:
            page.read()
    except OSError as error:
        print(f"the browser says: {error}")


def main(program, url):
    scenario = os.environ["MCP_CONFORMANCE_SCENARIO"]
    context = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}"))
    script = script_for(scenario, context)
    with tempfile.TemporaryDirectory() as folder:
        exuvia = Exuvia(program, Path(folder), config(url, scenario, context))
        status, said = (exuvia.run_asked if scenario in ASKED else exuvia.run)(script)
        for _login in range(LOGINS):
            advice = re.search(r'exuvia login suite(?: --scope "([^"]*)")?', said)
            if not advice:
                break
            if exuvia.login(*(["--scope", advice[1]] if advice[1] else [])) != 0:
                return 1
            status, said = exuvia.run(script)
        return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
