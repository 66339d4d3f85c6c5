"""The contract suite in the host beside this: `python contract.py EXPORTED [case=NAME]`."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "contract"))

import suite
from host import Guest, Limits, ToolFailure


def main():
    guest = Guest(Path(sys.argv[1]) / "exuvia-guest.wasm")

    def run(case, answers):
        def call_tool(server, tool, arguments):
            try:
                return answers(server, tool, arguments)
            except suite.Failure as failure:
                raise ToolFailure(failure.message, failure.code, failure.data) from None

        report = guest.run("\n".join(case["script"]), suite.SERVERS, call_tool, Limits(**case.get("limits", {})))
        ending = suite.Ending(report.outcome, report.result, limit=report.limit, log=report.log, calls=report.calls)
        if report.error:
            ending.kind, ending.message, ending.line = report.error.kind, report.error.message, report.error.line
        return ending

    failed = suite.run_all("python-wit", run, suite.cases())
    sys.stdout.flush()
    # Tools that never answer still sleep on their threads.
    os._exit(min(failed, 1))


if __name__ == "__main__":
    main()
