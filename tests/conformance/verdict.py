"""What the suite found, beside what is expected of it."""

import tomllib
from dataclasses import dataclass, field

# Statuses that need a reason. A check that the suite skips says nothing, and one for information neither.
UNCLEAN = ("WARNING", "FAILURE")

DID_NOT_RUN = {"id": "did-not-run", "status": "FAILURE", "errorMessage": "the suite left no checks of it"}


@dataclass
class Verdict:
    """One face under one revision: for each scenario how it went, and what nobody expected."""

    scenarios: dict = field(default_factory=dict)
    surprises: list = field(default_factory=list)


def read(file, faces, revisions):
    """The reasons, by face and revision and then by `scenario:check`, or by the scenario where all of it is meant."""
    with open(file, "rb") as opened:
        tables = tomllib.load(opened)
    expected = {}
    for face, of_face in tables.items():
        for revision, reasons in of_face.items():
            if face not in faces or revision not in revisions or not all(reasons.values()):
                raise SystemExit(f"{file}: [{face}.{revision!r}] is no face and revision, or has an entry without a reason")
            expected[face, revision] = reasons
    return expected


def none(why):
    return Verdict(surprises=[f"no scenario ran: {why}"])


def of(checks, reasons):
    """Compares the checks of each scenario with the entries of the list."""
    verdict = Verdict()
    used = set()
    for scenario, its in checks.items():
        unclean = {check["id"]: check for check in its or [DID_NOT_RUN] if check["status"] in UNCLEAN}
        listed = {check for check in unclean if scenario in reasons or f"{scenario}:{check}" in reasons}
        used |= {f"{scenario}:{check}" for check in listed} | ({scenario} if listed else set())
        verdict.scenarios[scenario] = "ok" if not unclean else "listed" if len(listed) == len(unclean) else "FAILED"
        for check in unclean.keys() - listed:
            verdict.surprises.append(f"{scenario}:{check} is not clean: {_said(unclean[check])}")
    for entry in sorted(reasons.keys() - used):
        verdict.surprises.append(f"{entry} is listed, but is clean or did not run: take it out of expected.toml")
    return verdict


def _said(check):
    return f"{check['status']}, {(check.get('errorMessage') or check.get('description') or '')[:300]}"


def report(found, expected):
    """Prints a table of scenarios and faces, the entries of the list, and what nobody expected. The exit status."""
    columns = list(found)
    rows = sorted({scenario for verdict in found.values() for scenario in verdict.scenarios})
    width = max(map(len, rows), default=0)
    heads = [f"{face} {revision[2:4]}" for face, revision in columns]
    print("\n" + " ".join(["scenario".ljust(width), *heads]))
    for row in rows:
        cells = [found[column].scenarios.get(row, "-").ljust(len(head)) for column, head in zip(columns, heads)]
        print(" ".join([row.ljust(width), *cells]).rstrip())
    for column in columns:
        for entry, reason in expected.get(column, {}).items():
            print(f"expected, {' '.join(column)}: {entry}: {reason}")
    surprises = [(" ".join(column), words) for column in columns for words in found[column].surprises]
    print()
    for column in columns:
        outcomes = list(found[column].scenarios.values())
        counts = ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in ("ok", "listed", "FAILED"))
        print(f"{' '.join(column)}: {counts}, {len(found[column].surprises)} not as expected")
    for where, words in surprises:
        print(f"NOT AS EXPECTED, {where}: {words}")
    return 1 if surprises else 0
