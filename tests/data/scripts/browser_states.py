# tools: playwright.browser_click, playwright.browser_navigate, playwright.browser_snapshot, playwright.browser_type, playwright.browser_wait_for
from enum import Enum, auto, unique
from typing import Final


@unique
class State(Enum):
    START = auto()
    NAVIGATE = auto()
    LOGIN = auto()
    DONE = auto()
    FAILED = auto()

    @property
    def terminal(self) -> bool:
        return self in (State.DONE, State.FAILED)

    @classmethod
    def parse(cls, text: str) -> "State":
        try:
            return cls[text.upper()]
        except KeyError:
            return cls.FAILED


TRANSITIONS: Final = {
    State.START: lambda ctx: (playwright.browser_navigate(url=ctx["url"]), State.NAVIGATE)[1],
    State.NAVIGATE: lambda ctx: State.LOGIN if "Sign in" in str(playwright.browser_snapshot()) else State.DONE,
    State.LOGIN: lambda ctx: login(ctx),
}


def login(ctx):
    playwright.browser_type(target="#user", text=ctx["user"])
    playwright.browser_click(target="button[type=submit]")
    playwright.browser_wait_for(text="Welcome")
    return State.DONE


state, history = State.START, []
ctx = {"url": "https://app.example.com", "user": "bob"}
while not state.terminal:
    history.append(state.name)
    try:
        state = TRANSITIONS[state](ctx)
    except ToolError:
        state = State.FAILED
result = {"history": history, "final": state.name, "value": state.value}
