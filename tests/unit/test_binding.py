"""A bound resolver is handed what Strawberry would hand it."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import pytest
import strawberry

from schema.binding import bind_resolvers


@strawberry.enum
class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@strawberry.input
class Window:
    from_: int = strawberry.field(name="from")
    colours: list[Colour] = strawberry.field(default_factory=lambda: [Colour.RED])
    wait_at_most: float | None = None


@strawberry.input(one_of=True)
class Choice:
    some_window: Window | None = strawberry.UNSET
    number: int | None = strawberry.UNSET


@strawberry.type
class Item:
    long_name: str

    @strawberry.field
    def shout(self) -> str:
        return self.long_name.upper()


@strawberry.type
class Query:
    @strawberry.field
    def told(
        self,
        info: strawberry.Info[Any, None],
        choices: list[Choice] | None = None,
        window: Annotated[Window | None, strawberry.argument(name="win")] = None,
        colour: Colour = Colour.BLUE,
        how_often: int = 3,
    ) -> str:
        return repr((info.field_name, info.variable_values.keys(), choices, window, colour, how_often))

    @strawberry.field
    async def items(self, names: list[str]) -> list[Item]:
        return [Item(long_name=name) for name in names]


def make_schema() -> strawberry.Schema:
    return strawberry.Schema(query=Query)


def ask(schema: strawberry.Schema, query: str, variables: dict[str, Any] | None) -> Any:
    result = schema.execute_sync(query, variables)
    return result.data, [error.message for error in result.errors or ()]


QUESTIONS: list[tuple[str, dict[str, Any] | None]] = [
    ("{ told }", None),
    ("{ told(howOften: 1, colour: RED, choices: [{ number: 5 }]) }", None),
    ("{ told(win: { from: 4, colours: [], waitAtMost: 1.5 }, choices: null) }", None),
    ("{ told(choices: { someWindow: { from: 1 } }) }", None),
    ("{ told(choices: [{ number: 5, someWindow: { from: 1 } }]) }", None),
    ("query($w: Window, $n: Int = 8) { told(win: $w, howOften: $n) }", {"w": {"from": 3, "colours": ["BLUE"]}}),
    ("query($w: Window, $n: Int = 8) { told(win: $w, howOften: $n) }", None),
    ("query($c: [Choice!]) { told(choices: $c) }", {"c": [{"someWindow": {"from": 2}}, {"number": 1}]}),
    ("query($c: [Choice!]) { told(choices: $c) }", {"c": [{"number": None}]}),
    ("query($f: Int!) { told(win: { from: $f }) }", {"f": 2}),
    ("query($f: Int!) { told(win: { from: $f }) }", {}),
]


@pytest.mark.parametrize(("query", "variables"), QUESTIONS)
def test_arguments_are_those_that_strawberry_makes(query: str, variables: dict[str, Any] | None) -> None:
    plain, bound = make_schema(), make_schema()
    bind_resolvers(bound)

    assert ask(bound, query, variables) == ask(plain, query, variables)


async def test_attributes_and_methods_answer_for_their_fields() -> None:
    schema = make_schema()
    bind_resolvers(schema)

    result = await schema.execute('{ items(names: ["a", "b"]) { longName shout } }')

    assert result.data == {"items": [{"longName": "a", "shout": "A"}, {"longName": "b", "shout": "B"}]}
    assert not result.errors


def test_binding_changes_nothing_that_a_client_sees() -> None:
    schema = make_schema()
    bind_resolvers(schema)

    assert schema.as_str() == make_schema().as_str()
