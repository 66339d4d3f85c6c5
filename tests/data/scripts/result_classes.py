# tools: atlassian.jira_get_issue
from dataclasses import dataclass
from typing import Literal, assert_never


@dataclass(frozen=True)
class Ok:
    value: object


@dataclass(frozen=True)
class Err:
    message: str
    retryable: bool = False


type Result = Ok | Err


def attempt(key: str) -> Result:
    try:
        return Ok(atlassian.jira_get_issue(issue_key=key))
    except ToolTimeout as e:
        return Err(str(e), retryable=True)
    except ToolError as e:
        return Err(e.message)


out = []
for key in ["AB-1", "AB-2"]:
    match attempt(key):
        case Ok(value={"fields": {"status": {"name": str(status)}}}):
            out.append((key, status))
        case Ok(value=other):
            out.append((key, f"unexpected {type(other).__name__}"))
        case Err(message, retryable=True):
            out.append((key, f"try again: {message}"))
        case Err(message=msg):
            out.append((key, msg))
result = dict(out)
