"""Lists whose values are not what their type says: the answer is graphql-core's own, and always JSON."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
import strawberry
from graphql import ExecutionResult, execute, parse
from hypothesis import given, settings
from hypothesis import strategies as st
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from schema.executor import BATCH, FastExecutor


@dataclass
class Given:
    """What the resolvers below answer."""

    items: list[Any]
    batched: list[Any]


async def load_doubled(context: Given, items: list[Item], times: int = 1) -> list[Any]:
    return [value if isinstance(value, Exception | None) else value * times for value in context.batched]


@strawberry.type
class Inner:
    weight: float
    tags: list[str] | None


@strawberry.interface
class Shape:
    size: float | None


@strawberry.type
class Circle(Shape):
    radius: float


@strawberry.type
class Square(Shape):
    side: float

    @strawberry.field
    def area(self) -> float:
        return self.side * self.side


@strawberry.type
class Item:
    shape: Shape | None
    name: str
    price: float | None
    count: int
    inner: Inner | None
    inners: list[Inner]

    @strawberry.field(metadata={BATCH: load_doubled})  # type: ignore[untyped-decorator]
    async def doubled(self, info: strawberry.Info[Given, None], times: int = 1) -> float | None:
        place = next(place for place, item in enumerate(info.context.items) if item is self)
        value = (await load_doubled(info.context, [], times))[place]
        if isinstance(value, Exception):
            raise value
        return value  # type: ignore[no-any-return]

    @strawberry.field
    def resolved(self) -> str:
        return self.name


@strawberry.type
class Query:
    @strawberry.field
    def items(self, info: strawberry.Info[Given, None]) -> list[Item]:
        return info.context.items


SCHEMA = strawberry.Schema(query=Query, types=[Circle, Square])._schema
QUERIES = [
    "{ items { name price count } }",
    "{ items { inner { weight tags } name } }",
    "{ items { inners { weight tags __typename } inner { weight } } }",
    "{ items { doubled(times: 3) name } }",
    "{ items { name resolved } }",
    "{ items { shape { size __typename ... on Circle { radius } ... on Square { length: side } } name } }",
    "{ items { shape { ... on Square { area } } shape { ... on Circle { radius } } } }",
]
# Of the wrong kind, of no number, too large, missing, or failed.
ODD = [math.nan, math.inf, None, "text", 2**40, True, [1], ValueError("broken"), 0.1, 7]
odd = st.sampled_from(ODD)
inners = st.builds(Inner, weight=odd, tags=st.none() | st.lists(st.sampled_from(["a", "b", None, 3]), max_size=3))
shapes = st.builds(Circle, size=odd, radius=odd) | st.builds(Square, size=odd, side=odd)
items = st.builds(
    Item,
    shape=st.none() | shapes | odd,
    name=st.sampled_from(["a", "b", None, 3]),
    price=st.floats(1, 2) | odd,
    count=st.integers(0, 9) | odd,
    inner=st.none() | inners,
    inners=st.lists(inners, max_size=2),
)


async def ask(query: str, given: Given, executor: type[StrawberryGraphQLCoreExecutionContext]) -> ExecutionResult:
    result = execute(SCHEMA, parse(query), context_value=given, executor_class=executor)
    return result if isinstance(result, ExecutionResult) else await result


@pytest.mark.parametrize("query", QUERIES)
def test_odd_values_are_answered_as_graphql_core_answers_them(query: str) -> None:
    """Which of several errors below one null are told depends on what ran first; what is null does not."""
    with asyncio.Runner() as runner:

        @settings(max_examples=60)
        @given(data=st.data())
        def check(data: st.DataObject) -> None:
            found = data.draw(st.lists(items, max_size=4))
            batched = data.draw(st.lists(st.floats(1, 2) | odd, min_size=len(found), max_size=len(found)))
            fast, stock = (
                runner.run(ask(query, Given(found, batched), executor))
                for executor in (FastExecutor, StrawberryGraphQLCoreExecutionContext)
            )
            assert orjson.dumps(fast.data) == orjson.dumps(stock.data)
            assert json.dumps(fast.data, allow_nan=False)
            assert bool(fast.errors) == bool(stock.errors)
            if fast.data is not None:
                assert _told(fast) == _told(stock)

        check()


def _told(result: ExecutionResult) -> list[str]:
    return sorted(str(error.formatted) for error in result.errors or ())


def test_objects_of_several_types_are_answered_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = [Circle(size=1.0, radius=1.5), Square(size=None, side=2.0), None, Circle(size=3.0, radius=3.5)]
    given = Given([Item(shape=one, name="a", price=1.0, count=1, inner=None, inners=[]) for one in shapes], [])
    query = "{ items { shape { size __typename ... on Circle { radius } ... on Square { length: side } } } }"
    stock = asyncio.run(ask(query, given, StrawberryGraphQLCoreExecutionContext))
    monkeypatch.setattr(FastExecutor, "complete_object_value", None)  # graphql-core's way is closed

    fast = asyncio.run(ask(query, given, FastExecutor))

    assert (fast.data, fast.errors) == (stock.data, None)
