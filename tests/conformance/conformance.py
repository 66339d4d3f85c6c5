"""Runs the official conformance suite against every face of exuvia, and says what differs from expected.toml.

conformance.py EXUVIA NODE SUITE RESULTS [FACE...]
"""

import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import verdict
from processes import Exuvia, Fixture
from suite import Suite

REVISIONS = ("2025-11-25", "2026-07-28")

# What the meta-tools are asked: scenarios that call no tool, read no resource and get no prompt of a fixture.
NEED_NO_FIXTURE = {
    "2025-11-25": [
        "server-initialize",
        "server-session-lifecycle",
        "ping",
        "tools-list",
        "server-sse-multiple-streams",
        "dns-rebinding-protection",
    ],
    "2026-07-28": [
        "server-stateless",
        "tools-list",
        "server-sse-multiple-streams",
        "dns-rebinding-protection",
        "http-header-validation",
        "input-required-result-unsupported-methods",
    ],
}

META_TOOLS = """
[servers.crm]
command = {program}
args = ["sample", "crm"]
"""

DIRECT = """
[servers.fixture]
url = "{url}"
mode = "direct"
auto_execute = ["*"]

[profiles.fixture]
servers = ["fixture"]
prefix = false
"""


def fixture(suite, revision, _exuvia, running):
    """The fixture itself: what fails here is no fault of exuvia."""
    return suite.server(running.enter_context(Fixture()).url, revision)


def direct(suite, revision, exuvia, running, legacy=False):
    """Exuvia before the fixture, which is alone in a direct profile."""
    upstream = running.enter_context(Fixture(legacy))
    served = running.enter_context(Exuvia(exuvia, DIRECT.format(url=upstream.url)))
    return suite.server(f"{served.url}/fixture", revision)


def direct_legacy(suite, revision, exuvia, running):
    """The same before a fixture that speaks no later version than 2025-11-25."""
    return direct(suite, revision, exuvia, running, legacy=True)


def meta_tools(suite, revision, exuvia, running):
    """The meta-tools, before a server of which the suite knows nothing."""
    served = running.enter_context(Exuvia(exuvia, META_TOOLS.format(program=f'"{exuvia}"')))
    return suite.server(served.url, revision, NEED_NO_FIXTURE[revision])


def client(suite, revision, exuvia, _running):
    """Exuvia as the client of the suite's own servers."""
    wrapper = Path(__file__).with_name("client.py")
    return suite.client(f"{sys.executable} {wrapper} {exuvia}", revision)


FACES = {
    "fixture": fixture,
    "meta-tools": meta_tools,
    "direct": direct,
    "direct-legacy": direct_legacy,
    "client": client,
}


def main(exuvia, node, program, results, *faces):
    unknown = [face for face in faces if face not in FACES]
    if unknown:
        print(f"there is no face {unknown[0]}; there are {', '.join(FACES)}", file=sys.stderr)
        return 2
    expected = verdict.read(Path(__file__).with_name("expected.toml"), FACES, REVISIONS)
    found = {}
    for face in faces or FACES:
        for revision in REVISIONS:
            folder = Path(results) / face / revision
            shutil.rmtree(folder, ignore_errors=True)
            print(f"{face}, {revision}: results in {folder}", flush=True)
            with tempfile.TemporaryDirectory() as scratch, ExitStack() as running:
                suite = Suite(node, program, folder, scratch)
                listed = expected.get((face, revision), {})
                try:
                    found[face, revision] = verdict.of(FACES[face](suite, revision, exuvia, running), listed)
                except RuntimeError as error:
                    found[face, revision] = verdict.none(str(error))
    return verdict.report(found, expected)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
