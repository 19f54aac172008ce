"""Coins, and connections of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Annotated

import strawberry

from db.coin_pages import CoinFilter as CoinConditions
from db.coin_pages import CoinOrder as StoredOrder
from db.coins import CoinRow
from db.series import Granularity as StoredGranularity
from db.series import Series
from resolvers.coins import resolve_coin, resolve_coin_count, resolve_coin_page
from resolvers.context import Context
from resolvers.coverage import CoverageKey, coverage_cost
from resolvers.errors import ApiError
from resolvers.history import NOTHING_AHEAD, resolve_history
from resolvers.ids import encode_id
from resolvers.latest import LatestKey, LatestView, resolve_latest_prices
from resolvers.ranges import history_window
from resolvers.revisions import make_revision_key, resolve_revision_page
from resolvers.texts import can_be_stored
from schema.arguments import (
    A_WEEK_AGO,
    NOW,
    AfterArgument,
    CarryLimitArgument,
    CurrencyArgument,
    FinalOnlyArgument,
    FirstArgument,
    FromArgument,
    GapsArgument,
    GranularityArgument,
    IntervalArgument,
    StoreArgument,
    ToArgument,
    TransformsArgument,
)
from schema.common import Info, Node
from schema.coverage import Coverage
from schema.enums import PROVIDERS, CoinOrder, CoinStatus, GapPolicy, Granularity, Interval, Provider
from schema.executor import BATCH
from schema.history import PriceHistory, make_filling, settle_range
from schema.latest import LatestPrice
from schema.lookahead import companions_of, look_ahead
from schema.pages import Connection, make_connection
from schema.revisions import THE_BEGINNING, PriceRevision, SinceArgument, UntilArgument
from schema.transforms import make_transforms


@strawberry.type(description="What a provider calls a coin.")
class ExternalId:
    provider: Provider = strawberry.field(description="Who calls it so.")
    value: str = strawberry.field(description="The provider's id for it, now; it may change.")


async def latest_prices(context: Context, coins: Sequence[Coin], currency: str) -> list[LatestPrice | ApiError | None]:
    """`Coin.latestPrice` of many coins at once, in their order."""
    found = await resolve_latest_prices(context, [coin.row.id for coin in coins], currency)
    return [LatestPrice.from_view(one) if isinstance(one, LatestView) else one for one in found]


async def coverages(
    context: Context, coins: Sequence[Coin], currency: str, granularity: Granularity
) -> list[Coverage | ApiError]:
    """`Coin.coverage` of many coins at once, in their order."""
    stored = StoredGranularity(granularity.name)
    window = history_window(context.now, stored, context.settings.history_days)
    try:
        quotes = [await context.quote(coin.row.id, currency) for coin in coins]
    except ApiError as error:
        return [error] * len(coins)
    context.charge(len(coins) * coverage_cost(window, stored))
    keys = [
        CoverageKey(Series(coin.row.id, quote.base.id), stored, window, quote.pair)
        for coin, quote in zip(coins, quotes, strict=True)
    ]
    return [Coverage.from_view(view) for view in await context.coverage.load_many(keys)]


@strawberry.type(description="A cryptocurrency.")
class Coin(Node):
    row: strawberry.Private[CoinRow]
    slug: str = strawberry.field(description="Stable key, e.g. `bitcoin`: the one every argument takes. Never re-used.")
    symbol: str = strawberry.field(description="Ticker as the provider gives it. NOT unique: see `resolveCoins`.")
    name: str = strawberry.field(description="Name as the provider gives it.")
    status: CoinStatus = strawberry.field(description="Whether it is still listed.")
    rank: int | None = strawberry.field(
        description="By market capitalisation, 1 is the largest. Known of the largest 250 and of tracked coins, as of "
        "the last day; otherwise null."
    )
    tracked: bool = strawberry.field(description="Refreshed by this installation: see `trackCoins`.")
    image_url: str | None = strawberry.field(description="Address of a picture at the provider.")

    @strawberry.field(
        description="What it is about, in plain English text of at most 10,000 characters. Tracked coins only."
    )
    async def description(self, info: Info) -> str | None:
        return (await info.context.about.load(self.row.id)).description

    @strawberry.field(description="Its own site, an http or https address. Tracked coins only.")
    async def homepage(self, info: Info) -> str | None:
        return (await info.context.about.load(self.row.id)).homepage

    @strawberry.field(description="What the providers call it; ids that a provider used before are left out.")
    async def external_ids(self, info: Info) -> list[ExternalId]:
        ids = (await info.context.about.load(self.row.id)).external_ids
        return [ExternalId(provider=PROVIDERS[provider], value=value) for provider, value in ids]

    @strawberry.field(
        description="The newest price that is known; null before the first refresh.", metadata={BATCH: latest_prices}
    )
    async def latest_price(self, info: Info, currency: CurrencyArgument = "usd") -> LatestPrice | None:
        found = await info.context.latest.load(LatestKey(self.row.id, currency))
        if isinstance(found, ApiError):
            raise found
        return LatestPrice.from_view(found) if found else None

    @strawberry.field(
        description="Prices over a range. For many coins `priceHistory` keeps the errors of one from the others. "
        "Errors: RANGE_INVALID, BAD_INPUT, COST_EXCEEDED, DATA_INCOMPLETE; for the currency NOT_FOUND, FX_UNAVAILABLE."
    )
    async def history(
        self,
        info: Info,
        currency: CurrencyArgument = "usd",
        from_: FromArgument = A_WEEK_AGO,
        to: ToArgument = NOW,
        interval: IntervalArgument = Interval.AUTO,
        gaps: GapsArgument = GapPolicy.NULLS,
        carry_limit: CarryLimitArgument = None,
        final_only: FinalOnlyArgument = False,
        granularity: StoreArgument = None,
        transforms: TransformsArgument = None,
    ) -> PriceHistory | None:
        asked = settle_range(info.context, from_, to, interval, granularity)
        filling = make_filling(gaps, carry_limit, final_only)
        ahead = look_ahead(info) if gaps is GapPolicy.ERROR else NOTHING_AHEAD
        view = await resolve_history(
            info.context, self.row, currency, asked, filling, make_transforms(transforms), ahead
        )
        return PriceHistory.from_view(view)

    @strawberry.field(
        description="How much of the history window is stored (`PRICEGRAPH_HISTORY_DAYS`).",
        metadata={BATCH: coverages},
    )
    async def coverage(
        self,
        info: Info,
        currency: CurrencyArgument = "usd",
        granularity: GranularityArgument = Granularity.HOURLY,
    ) -> Coverage | None:
        [found] = await coverages(info.context, [self], currency, granularity)
        if isinstance(found, ApiError):
            raise found
        return found

    @strawberry.field(
        description="What has been replaced in one of its series, the newest change first. Error NOT_FOUND in a "
        "currency that its prices are converted to."
    )
    async def revisions(
        self,
        info: Info,
        currency: CurrencyArgument = "usd",
        granularity: GranularityArgument = Granularity.HOURLY,
        from_: SinceArgument = THE_BEGINNING,
        to: UntilArgument = NOW,
        first: FirstArgument = 20,
        after: AfterArgument = None,
    ) -> Connection[PriceRevision] | None:
        stored = StoredGranularity(granularity.name)
        key = await make_revision_key(info.context, self.row, currency, stored, from_, to, first, after)
        page = await resolve_revision_page(info.context, key, first, after)
        return make_connection(page, PriceRevision.from_row, lambda context: context.revision_counts.load(key))

    @classmethod
    @lru_cache(maxsize=2000)  # the same coins are asked for again and again
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


@strawberry.input(description="All given conditions hold.")
class CoinFilter:
    search: str | None = strawberry.field(
        default=None,
        description="Beginning of a name, symbol or slug, or something like the name or a word in it, so that typing "
        "mistakes find their coin too; whatever the case.",
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
        return Coin.from_row(await resolve_coin(info.context, slug, companions=companions_of(info)))

    @strawberry.field(description="The coins that this installation knows.")
    async def coins(
        self,
        info: Info,
        filter: Annotated[CoinFilter | None, strawberry.argument(description="Left out: all.")] = None,
        order_by: Annotated[
            CoinOrder | None, strawberry.argument(description="Left out: RELEVANCE when searching, otherwise RANK.")
        ] = None,
        first: FirstArgument = 50,
        after: AfterArgument = None,
    ) -> Connection[Coin]:
        where = (filter or CoinFilter()).conditions(info.context)
        order = StoredOrder(order_by.name) if order_by else None
        page = await resolve_coin_page(info.context, where, order, first, after, companions_of(info))
        nodes = [Coin.from_row(coin) for coin, _ in page.rows]
        return Connection(page=page, count=lambda context: resolve_coin_count(context, where), nodes=nodes)
