"""Functions as tools: their schemas and stubs, arguments and answers, failures."""

import asyncio
import dataclasses
import datetime
import decimal
import enum
import functools
import pathlib
import uuid
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import exuvia
import pytest
from exuvia import Sandbox, Tool, ToolDenied, ToolError, ToolUnavailable


class State(enum.Enum):
    OPEN = "open"
    PAID = "paid"


class Address(TypedDict):
    street: str
    zip: NotRequired[int]


@dataclasses.dataclass
class Customer:
    name: str
    address: Address
    since: datetime.date | None = None


def get_orders(
    customer: int,
    state: State | None = None,
    limit: Annotated[int, "At most so many"] = 10,
) -> list[dict[str, Any]]:
    """Orders of a customer, newest first.

    Archived ones are left out.

    Args:
        customer: The number of the customer,
            as on the invoice.
        state: Only of this state.

    Returns:
        One dict for each.
    """
    return [{"customer": customer, "state": state.name if state else None, "limit": limit}]


def test_a_signature_and_its_docstring_become_a_stub() -> None:
    async def rename(customer: Customer, to: Literal["upper", "lower"], *, dry: bool = False) -> Customer:
        """Renames a customer."""
        return customer

    stubs = Sandbox(servers={"crm": [get_orders, rename]}).stubs
    for part in (
        "Call crm.NAME(...)",
        "customer: int",
        "Literal['open','paid']",
        "limit: int = 10",
        "Orders of a customer, newest first",
        "to: Literal['upper','lower']",
        "class Customer",
    ):
        assert part in stubs.replace('"', "'"), (part, stubs)


def test_help_has_the_descriptions_of_parameters() -> None:
    tool = exuvia._tools.BoundTool(get_orders)
    properties = tool.input_schema["properties"]
    assert properties["customer"]["description"] == "The number of the customer, as on the invoice."
    assert properties["limit"]["description"] == "At most so many"
    assert tool.description.startswith("Orders of a customer") and "on the invoice" not in tool.description
    assert tool.description.endswith("One dict for each.")


def test_arguments_and_answers_are_values_of_their_types() -> None:
    def check(
        state: State,
        customer: Customer,
        when: datetime.datetime,
        amount: decimal.Decimal,
        path: pathlib.Path,
        data: bytes,
        key: uuid.UUID,
        tags: set[str],
        pair: tuple[int, str],
        by_number: dict[int, float],
        either: int | datetime.date,
    ) -> dict[str, Any]:
        return {
            "state": state,
            "customer": customer,
            "when": when,
            "path": path,
            "data": data,
            "key": key,
            "tags": tags,
            "types": [type(each).__name__ for each in (amount, path, data, key, tags, pair, by_number, either)],
            "pair": pair,
            "keys": [type(key).__name__ for key in by_number],
        }

    code = """
result = tools.check(
    state="open", customer={"name": "Ada", "address": {"street": "Main"}, "since": "2026-01-02"},
    when="2026-01-02T03:04:05", amount=1.5, path="/a/b", data=b"xyz", key="12345678123456781234567812345678",
    tags=["b", "a"], pair=[1, "x"], by_number={"1": 2}, either="2026-01-02",
)
"""
    value = Sandbox(tools=[check]).run_sync(code).value
    assert value == {
        "state": "open",
        "customer": {"name": "Ada", "address": {"street": "Main"}, "since": "2026-01-02"},
        "when": "2026-01-02T03:04:05",
        "path": "/a/b",
        "data": "eHl6",
        "key": "12345678-1234-5678-1234-567812345678",
        "tags": ["a", "b"],
        "types": ["Decimal", "PosixPath", "bytes", "UUID", "set", "tuple", "dict", "date"],
        "pair": [1, "x"],
        "keys": ["int"],
    }


@dataclasses.dataclass
class Dog:
    name: str
    trick: str = ""


@dataclasses.dataclass
class Cat:
    name: str
    sleeps_on: str = ""


@dataclasses.dataclass
class Owner:
    pets: list[Dog | Cat]


@dataclasses.dataclass
class Shelter:
    pets: list[Cat]


def test_a_union_is_read_by_the_class_that_has_all_keys() -> None:
    def names(pets: list[Dog | Cat], home: Owner | Shelter) -> list[str]:
        return [repr(each) for each in [*pets, home]]

    pets = "[{'name': 'Tom', 'sleeps_on': 'sofa'}, {'name': 'Rex', 'trick': 'roll'}, {'name': 'Kit', 'age': 1, 'sleeps_on': 'bed'}]"
    home = "{'pets': [{'name': 'Tom', 'sleeps_on': 'sofa'}]}"
    code = f"tools.names(pets={pets}, home={home})"
    assert Sandbox(tools=[names]).run_sync(code).value == [
        "Cat(name='Tom', sleeps_on='sofa')",
        "Dog(name='Rex', trick='roll')",
        # None has all of its keys.
        "Dog(name='Kit', trick='')",
        "Owner(pets=[Cat(name='Tom', sleeps_on='sofa')])",
    ]
    either: Any = Dog | Cat
    assert Sandbox().run_sync("{'name': 'Tom', 'sleeps_on': 'sofa'}", returns=either).value == Cat("Tom", "sofa")


def test_a_union_of_models_of_pydantic_is_too() -> None:
    pydantic = pytest.importorskip("pydantic")
    dog = pydantic.create_model("Dog", name=str, trick=(str, ""))
    cat = pydantic.create_model("Cat", name=str, sleeps_on=(str, ""))
    value = Sandbox().run_sync("{'name': 'Tom', 'sleeps_on': 'sofa'}", returns=dog | cat).value
    assert isinstance(value, cat) and value.sleeps_on == "sofa"


def test_a_class_may_contain_itself() -> None:
    def count(node: Node) -> int:
        return 1 + sum(count(child) for child in node.children)

    code = "tools.count(node={'children': [{'children': []}, {'children': [{'children': []}]}]})"
    assert Sandbox(tools=[count]).run_sync(code).value == 4


@dataclasses.dataclass
class Node:
    children: "list[Node]"


def test_a_model_of_pydantic_is_taken_by_its_own_methods() -> None:
    pydantic = pytest.importorskip("pydantic")

    class Line(pydantic.BaseModel):  # type: ignore[name-defined,misc]
        sku: str
        count: int = pydantic.Field(gt=0)

    class Basket(pydantic.BaseModel):  # type: ignore[name-defined,misc]
        lines: list[Line]

    def total(basket: Basket) -> Line:
        assert isinstance(basket.lines[0], Line)
        return Line(sku="all", count=sum(line.count for line in basket.lines))

    sandbox = Sandbox(tools=[total])
    assert sandbox.run_sync("tools.total(basket={'lines': [{'sku': 'a', 'count': 2}]})").value == {"sku": "all", "count": 2}
    with pytest.raises(exuvia.ScriptError) as caught:
        sandbox.run_sync("tools.total(basket={'lines': [{'sku': 'a', 'count': 0}]})")
    assert caught.value.kind == "TypeError" and "count" in caught.value.message


@pytest.mark.parametrize(
    ("call", "part"),
    [
        ("tools.get_orders()", "customer"),
        ("tools.get_orders(customer='x')", "customer must be integer"),
        ("tools.get_orders(customer=1, state='lost')", "state"),
        ("tools.get_orders(customer=1, other=2)", "other"),
    ],
)
def test_arguments_that_do_not_fit_never_reach_the_function(call: str, part: str) -> None:
    with pytest.raises(exuvia.ScriptError) as caught:
        Sandbox(tools=[get_orders]).run_sync(call)
    assert caught.value.kind == "TypeError" and part in caught.value.message


def test_failures_are_exceptions_of_the_script() -> None:
    def fails(how: str) -> None:
        match how:
            case "error":
                raise ToolError("no such order", {"id": 7})
            case "denied":
                raise ToolDenied("not on a Friday")
            case "unavailable":
                raise ToolUnavailable("the database is down")
        raise ValueError("unexpected")

    async def fails_later(how: str) -> None:
        await asyncio.sleep(0)
        fails(how)

    code = """
told = []
for how in ("error", "denied", "unavailable", "other"):
    for tool in (tools.fails, tools.fails_later):
        try:
            tool(how=how)
        except (ToolError, ToolDenied) as error:
            told.append([type(error).__name__, error.message, getattr(error, "data", None)])
result = told
"""
    expected = [
        ["ToolError", "no such order", {"id": 7}],
        ["ToolDenied", "not on a Friday", None],
        ["ToolUnavailable", "the database is down", None],
        ["ToolError", "ValueError: unexpected", None],
    ]
    assert Sandbox(tools=[fails, fails_later]).run_sync(code).value == [one for one in expected for _ in range(2)]
    masked = Sandbox(tools=[fails], mask_errors=True)
    with pytest.raises(exuvia.ScriptError, match="fails failed") as caught:
        masked.run_sync("tools.fails(how='other')")
    assert "unexpected" not in str(caught.value)
    with pytest.raises(exuvia.ScriptError, match="no such order"):
        masked.run_sync("tools.fails(how='error')")
    with pytest.raises(exuvia.Denied, match="not on a Friday"):
        masked.run_sync("tools.fails(how='denied')")


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ToolError("no such order", {"lock": object()}), ["ToolError", "no such order", None]),
        (ToolError("no such order", float("nan")), ["ToolError", "no such order", None]),
        (ToolDenied(["a", "list"]), ["ToolDenied", "['a', 'list']", None]),  # type: ignore[arg-type]
        (Unspeakable(), ["ToolError", "Unspeakable", None]),
        (ValueError("a\ud800b"), ["ToolError", "ValueError: a?b", None]),
    ],
)
def test_what_cannot_be_said_of_a_failure_is_left_out(error: Exception, expected: list[Any]) -> None:
    def fails() -> None:
        raise error

    async def fails_later() -> None:
        raise error

    code = """
result = []
for tool in (tools.fails, tools.fails_later):
    try:
        tool()
    except (ToolError, ToolDenied) as error:
        result.append([type(error).__name__, error.message, getattr(error, "data", None)])
"""
    assert Sandbox(tools=[fails, fails_later]).run_sync(code).value == [expected] * 2


def test_an_answer_that_is_no_json_is_a_failure() -> None:
    def odd(which: str) -> Any:
        return {"lock": object(), "nan": float("nan")}[which]

    for which in ("lock", "nan"):
        with pytest.raises(exuvia.ScriptError, match="odd returned what JSON cannot say"):
            Sandbox(tools=[odd]).run_sync(f"tools.odd(which='{which}')")


def test_tools_that_cannot_be_described_are_refused() -> None:
    def many(*values: int) -> None: ...

    with pytest.raises(TypeError, match=r"many: \*values cannot be described"):
        Sandbox(tools=[many])
    with pytest.raises(TypeError, match="has no name"):
        Sandbox(tools=[lambda: 1])
    with pytest.raises(ValueError, match="two tools tools.one"):
        Sandbox(tools=[Tool(function=lambda: 1, name="one"), Tool(function=lambda: 2, name="one")])


def test_methods_partials_and_tools_with_schemas_are_tools() -> None:
    class Shop:
        def price(self, sku: str, /, factor: int = 1) -> int:
            return len(sku) * factor

    schema = {"type": "object", "properties": {"sort-by": {"type": "string"}}, "required": ["sort-by"]}
    tools: list[Any] = [
        Shop().price,
        Tool(function=functools.partial(get_orders, 7), name="own-orders"),
        Tool(function=lambda **given: given, name="list", description="Lists.", input_schema=schema),
    ]
    code = "[tools.price('abc', factor=2), tools.own_orders(limit=1)[0]['customer'], tools.list(sort_by='x')]"
    assert Sandbox(tools=tools).run_sync(code).value == [6, 7, {"sort-by": "x"}]


def test_scripts_find_tools_by_what_they_do() -> None:
    sandbox = Sandbox(servers={"crm": [get_orders]})
    assert "crm.get_orders" in sandbox.search("orders of somebody")
    assert "get_orders" in sandbox.run_sync("mcp.search('orders of somebody')").value
