"""Coins, and connections of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import strawberry

from db.coins import CoinFilter as CoinConditions
from db.coins import CoinOrder as StoredOrder
from db.coins import CoinRow
from db.series import Granularity as StoredGranularity
from db.series import Series, Window
from resolvers.coins import resolve_coin, resolve_coin_count, resolve_coin_page
from resolvers.context import Context
from resolvers.coverage import CoverageKey
from resolvers.history import resolve_history
from resolvers.ids import encode_id
from resolvers.ranges import Interval as AskedInterval
from resolvers.ranges import history_window, settle
from resolvers.texts import can_be_stored
from schema.arguments import (
    A_WEEK_AGO,
    NOW,
    AfterArgument,
    CurrencyArgument,
    FirstArgument,
    FromArgument,
    GapsArgument,
    IntervalArgument,
    ToArgument,
)
from schema.common import Info, Node
from schema.currencies import Currency
from schema.enums import CoinOrder, CoinStatus, GapPolicy, Granularity, Interval
from schema.pages import Connection, make_connection
from schema.prices import Coverage, LatestPrice, PriceHistory


@strawberry.type(description="A cryptocurrency.")
class Coin(Node):
    row: strawberry.Private[CoinRow]
    slug: str = strawberry.field(description="Stable key, e.g. `bitcoin`: the one every argument takes. Never re-used.")
    symbol: str = strawberry.field(description="Ticker, lower case. NOT unique.")
    name: str = strawberry.field(description="Name as the provider gives it.")
    status: CoinStatus = strawberry.field(description="Whether it is still listed.")
    rank: int | None = strawberry.field(description="By market capitalisation, 1 is the largest; null when unranked.")
    tracked: bool = strawberry.field(description="Refreshed by this installation.")
    image_url: str | None = strawberry.field(description="Address of a picture at the provider.")

    @strawberry.field(description="The newest price that is known; null before the first refresh.")
    async def latest_price(self, info: Info, currency: CurrencyArgument = "usd") -> LatestPrice | None:
        row = await info.context.currency(currency)
        latest = await info.context.latest.load(Series(self.row.id, row.id))
        return LatestPrice.from_row(latest, Currency.from_row(row)) if latest else None

    @strawberry.field(description="Stored prices over a range. For many coins `priceHistory` says more about errors.")
    async def history(
        self,
        info: Info,
        currency: CurrencyArgument = "usd",
        from_: FromArgument = A_WEEK_AGO,
        to: ToArgument = NOW,
        interval: IntervalArgument = Interval.AUTO,
        gaps: GapsArgument = GapPolicy.NULLS,
    ) -> PriceHistory:
        limits = info.context.settings.limits
        asked = settle(info.context.now, from_, to, AskedInterval(interval.name), limits.max_points_per_series)
        return PriceHistory.from_view(await resolve_history(info.context, self.row, currency, asked), gaps)

    @strawberry.field(description="How much of the history window is stored (`PRICEGRAPH_HISTORY_DAYS`).")
    async def coverage(
        self,
        info: Info,
        currency: CurrencyArgument = "usd",
        granularity: Annotated[
            Granularity, strawberry.argument(description="The store to look at.")
        ] = Granularity.HOURLY,
    ) -> Coverage:
        row = await info.context.currency(currency)
        stored = StoredGranularity(granularity.name)
        key = CoverageKey(Series(self.row.id, row.id), stored, _history_window(info.context, stored))
        return Coverage.from_view(await info.context.coverage.load(key))

    @classmethod
    def from_row(cls, row: CoinRow) -> Coin:
        return cls(
            row=row,
            id=strawberry.ID(encode_id("Coin", row.id)),
            slug=row.slug,
            symbol=row.symbol,
            name=row.name,
            status=CoinStatus(row.status),
            rank=row.rank,
            tracked=row.tracked,
            image_url=row.image_url,
        )


def _history_window(context: Context, granularity: StoredGranularity) -> Window:
    return history_window(context.now, granularity, context.settings.history_days)


@strawberry.input(description="All given conditions hold.")
class CoinFilter:
    search: str | None = strawberry.field(
        default=None, description="Beginning of a name, symbol or slug, whatever the case."
    )
    symbol: str | None = strawberry.field(default=None, description="Exact ticker, whatever the case.")
    slugs: list[str] | None = strawberry.field(default=None, description="One of these.")
    tracked: bool | None = strawberry.field(default=None, description="Refreshed by this installation, or not.")
    stale_longer_than: timedelta | None = strawberry.field(
        default=None, description="No price in any currency was observed within this time."
    )

    def conditions(self, context: Context) -> CoinConditions:
        return CoinConditions(
            search=self.search,
            symbol=self.symbol,
            slugs=[slug for slug in self.slugs if can_be_stored(slug)] if self.slugs is not None else None,
            tracked=self.tracked,
            stale_since=context.now - self.stale_longer_than if self.stale_longer_than else None,
        )


@strawberry.type
class CoinQueries:
    @strawberry.field(description="One coin. Error NOT_FOUND for an unknown slug, with the slugs perhaps meant.")
    async def coin(
        self, info: Info, slug: Annotated[str, strawberry.argument(description="Such as `bitcoin`.")]
    ) -> Coin | None:
        return Coin.from_row(await resolve_coin(info.context, slug))

    @strawberry.field(description="The coins that this installation knows.")
    async def coins(
        self,
        info: Info,
        filter: Annotated[CoinFilter | None, strawberry.argument(description="Left out: all.")] = None,
        order_by: Annotated[CoinOrder, strawberry.argument(description="The order.")] = CoinOrder.RANK,
        first: FirstArgument = 50,
        after: AfterArgument = None,
    ) -> Connection[Coin]:
        where = (filter or CoinFilter()).conditions(info.context)
        page = await resolve_coin_page(info.context, where, StoredOrder(order_by.name), first, after)
        return make_connection(page, Coin.from_row, lambda context: resolve_coin_count(context, where))
