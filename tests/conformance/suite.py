"""The suite itself: how it is called, and what it leaves behind."""

import json
import re
import subprocess
from collections import defaultdict

# How long one scenario may take, and how long all of a face: the suite has no bound of its own for the latter, in seconds.
SCENARIO_S = 60
ALL_S = 900


class Suite:
    def __init__(self, node, program, results, scratch):
        self.command = [node, program]
        self.results = results
        self.scratch = scratch

    def server(self, url, revision, scenarios=None):
        """The checks of each scenario against a server; of all that the revision asks for, unless some are named."""
        if scenarios is None:
            self._run(["server", "--url", url, "--requirements", revision])
        for scenario in scenarios or ():
            self._run(["server", "--url", url, "--scenario", scenario, "--spec-version", revision, "--force"])
        return self._checks("server-", scenarios or self._asked(revision, "server"))

    def client(self, command, revision):
        """The checks of each scenario against a client, which `command` starts."""
        self._run(["client", "--command", command, "--requirements", revision])
        return self._checks("", self._asked(revision, "client"))

    def _asked(self, revision, side):
        """The scenarios that a revision asks of one side, those that it does not score among them."""
        listing = [*self.command, "list", "--requirements", revision]
        lines = subprocess.run(listing, stdout=subprocess.PIPE, text=True, check=True, timeout=SCENARIO_S).stdout
        scored = re.search(rf"^{side} scenarios.*?\n((?:  - \S+\n)+)", lines, re.MULTILINE | re.IGNORECASE)
        return re.findall(r"- (\S+)\n", scored[1]) + re.findall(rf"- (\S+) \[{side}\]", lines)

    def _run(self, arguments):
        self.results.mkdir(parents=True, exist_ok=True)
        more = ["--timeout", str(SCENARIO_S * 1000), "--output-dir", str(self.results)]
        with open(self.results / "suite.log", "ab") as log:
            try:
                subprocess.run(
                    [*self.command, *arguments, *more],
                    cwd=self.scratch,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    timeout=ALL_S,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise RuntimeError(f"the suite took longer than {ALL_S} s") from None

    def _checks(self, prefix, scenarios):
        """The checks of these scenarios; none of one that did not run to its end. The suite leaves a folder for each, named
        by the prefix, the scenario and the time, with the checks in a file."""
        found = defaultdict(list)
        for file in sorted(self.results.rglob("checks.json")):
            name = str(file.parent.relative_to(self.results)).removeprefix(prefix)
            scenario = re.sub(r"-\d{4}-\d\d-\d\dT[\d-]+Z$", "", name)
            found[scenario] += json.loads(file.read_text(encoding="utf-8"))
        if not found:
            raise RuntimeError(f"the suite left no results; see {self.results / 'suite.log'}")
        return {scenario: found.get(scenario, []) for scenario in {**dict.fromkeys(scenarios), **found}}
