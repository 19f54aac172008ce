"""Strawberry as its documentation shows it, over the same statements as the hand-written endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated, Any

import strawberry
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Lifespan
from strawberry.asgi import GraphQL
from strawberry.schema.config import StrawberryConfig

from benchmarks.servers.prices import History, Prices

_TIME = strawberry.scalar(name="Time", serialize=datetime.isoformat, parse_value=datetime.fromisoformat)


@strawberry.enum
class Interval(Enum):
    HOUR_1 = "HOUR_1"
    DAY_1 = "DAY_1"


@strawberry.type
class PricePoint:
    time: datetime
    price: float
    market_cap: float | None
    volume24h: float | None


@strawberry.type
class Coverage:
    completeness: float
    expected_points: int
    actual_points: int


@strawberry.type
class PriceHistory:
    points: list[PricePoint]
    coverage: Coverage

    @classmethod
    def from_row(cls, row: History) -> PriceHistory:
        actual = len(row.points)
        return cls(
            points=[
                PricePoint(time=time, price=price, market_cap=market_cap, volume24h=volume)
                for _, time, price, market_cap, volume in row.points
            ],
            coverage=Coverage(completeness=actual / row.expected, expected_points=row.expected, actual_points=actual),
        )


@strawberry.type
class PriceHistoryResult:
    slug: str
    history: PriceHistory


@strawberry.type
class LatestPrice:
    price: float
    observed_at: datetime


@strawberry.type
class Coin:
    slug: str
    symbol: str
    latest: strawberry.Private[LatestPrice]

    @strawberry.field
    def latest_price(self, currency: str) -> LatestPrice:  # noqa: ARG002 - the statement has asked for it already
        return self.latest


@strawberry.type
class CoinConnection:
    nodes: list[Coin]


@strawberry.input
class CoinFilter:
    slugs: list[str]


@strawberry.type
class Query:
    @strawberry.field
    async def price_history(
        self,
        info: strawberry.Info[Any, None],
        coins: list[str],
        currency: str,
        from_: Annotated[datetime, strawberry.argument(name="from")],
        to: datetime,
        interval: Interval,
    ) -> list[PriceHistoryResult]:
        found = await _prices(info).histories(coins, currency, from_, to, interval.value)
        return [PriceHistoryResult(slug=row.slug, history=PriceHistory.from_row(row)) for row in found]

    @strawberry.field
    async def coins(self, info: strawberry.Info[Any, None], filter: CoinFilter, first: int) -> CoinConnection:
        rows = await _prices(info).latest(filter.slugs[:first], "usd")
        return CoinConnection(nodes=_coins(rows))


def make_app(lifespan: Lifespan[Starlette]) -> Starlette:
    """The lifespan puts `prices` into the application's state."""
    schema = strawberry.Schema(Query, config=StrawberryConfig(scalar_map={datetime: _TIME}))
    return Starlette(routes=[Route("/graphql", GraphQL(schema))], lifespan=lifespan)


def _prices(info: strawberry.Info[Any, None]) -> Prices:
    prices: Prices = info.context["request"].app.state.prices
    return prices


def _coins(rows: Sequence[Any]) -> list[Coin]:
    return [
        Coin(slug=slug, symbol=symbol, latest=LatestPrice(price=price, observed_at=observed_at))
        for slug, symbol, price, observed_at in rows
    ]
