# tools: playwright.browser_click, playwright.browser_close, playwright.browser_console_messages, playwright.browser_fill_form, playwright.browser_navigate, playwright.browser_snapshot, playwright.browser_wait_for
import re
from contextlib import contextmanager
from enum import Enum, auto


class Outcome(Enum):
    PASSED = auto()
    FAILED = auto()


@contextmanager
def browser(url):
    playwright.browser_navigate(url=url)
    try:
        yield
    finally:
        playwright.browser_close()


def ref(snapshot: str, label: str) -> str:
    """The reference of the element with this label."""
    found = re.search(rf'"{re.escape(label)}".*?\[ref=(\w+)\]', snapshot)
    if not found:
        raise LookupError(f"no element {label!r} on the page")
    return found[1]


steps = []
with browser("https://shop.example.com/login"):
    page = str(playwright.browser_snapshot())
    playwright.browser_fill_form(
        fields=[
            {"name": "email", "type": "textbox", "target": ref(page, "Email"), "value": "ada@example.com"},
            {"name": "remember", "type": "checkbox", "target": ref(page, "Remember me"), "value": "true"},
        ]
    )
    playwright.browser_click(target=ref(page, "Continue"), element="the continue button")
    try:
        playwright.browser_wait_for(text="Check your inbox", time=5)
        steps.append(("inbox", Outcome.PASSED))
    except ToolError as e:
        steps.append(("inbox", Outcome.FAILED))
        print("never saw the text:", e.message)
    errors = playwright.browser_console_messages(level="error")

result = {"steps": {name: outcome.name for name, outcome in steps}, "errors": str(errors)[:500]}
