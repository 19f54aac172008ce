"""Points, history, coverage and the latest price."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from db.prices import LatestRow, PointRow
from db.reference import PROVIDER_CODES
from resolvers import errors
from resolvers.coverage import CoverageView
from resolvers.gaps import GapView
from resolvers.history import HistoryView, resolve_histories
from resolvers.paging import check_page_size
from resolvers.ranges import Interval as AskedInterval
from resolvers.ranges import settle
from schema.arguments import (
    A_WEEK_AGO,
    NOW,
    CurrencyArgument,
    FromArgument,
    GapsArgument,
    IntervalArgument,
    ToArgument,
)
from schema.common import ApiError, Info, TimeRange
from schema.currencies import Currency
from schema.enums import GapPolicy, GapReason, Granularity, Interval, PointOrigin, Provider

if TYPE_CHECKING:
    from schema.coins import Coin


@strawberry.type(description="One bucket of a series.")
class PricePoint:
    time: datetime = strawberry.field(description="Start of the bucket.")
    price: float | None = strawberry.field(
        description="The sample nearest to the bucket's start, in `currency`; null when the bucket is empty."
    )
    high: float | None = strawberry.field(
        description="Highest price inside the bucket, in `currency`; null unless the source gives it."
    )
    low: float | None = strawberry.field(
        description="Lowest price inside the bucket, in `currency`; null unless the source gives it."
    )
    volume24h: float | None = strawberry.field(
        description="Traded in the 24 hours before, in `currency`; rolling, so never to be summed. "
        "Null where the provider has no such figure."
    )
    market_cap: float | None = strawberry.field(
        description="Market capitalisation in `currency`; null where the provider has no such figure."
    )
    origin: PointOrigin = strawberry.field(description="Whether the values were observed or the bucket is missing.")
    provider: Provider | None = strawberry.field(description="Who gave the sample; null when the bucket is empty.")
    observed_at: datetime | None = strawberry.field(
        description="The provider's stamp of the sample; a little off the bucket's start."
    )
    revision: int = strawberry.field(description="How often a later answer of the provider changed the values.")

    @classmethod
    def from_row(cls, row: PointRow) -> PricePoint:
        return cls(
            time=row.ts,
            price=row.price,
            high=row.high,
            low=row.low,
            volume24h=row.volume_24h,
            market_cap=row.market_cap,
            origin=PointOrigin.OBSERVED,
            provider=Provider[PROVIDER_CODES[row.provider_id]],
            observed_at=row.observed_at,
            revision=row.revision,
        )

    @classmethod
    def missing(cls, time: datetime) -> PricePoint:
        return cls(
            time=time,
            price=None,
            high=None,
            low=None,
            volume24h=None,
            market_cap=None,
            origin=PointOrigin.MISSING,
            provider=None,
            observed_at=None,
            revision=0,
        )


@strawberry.type(description="The same points as parallel arrays of one length, for charts.")
class PriceColumns:
    time: list[datetime] = strawberry.field(description="Starts of the buckets.")
    price: list[float | None] = strawberry.field(description="See `PricePoint.price`.")
    high: list[float | None] = strawberry.field(description="See `PricePoint.high`.")
    low: list[float | None] = strawberry.field(description="See `PricePoint.low`.")
    volume24h: list[float | None] = strawberry.field(description="See `PricePoint.volume24h`.")
    market_cap: list[float | None] = strawberry.field(description="See `PricePoint.marketCap`.")


@strawberry.type(description="Buckets that are expected and not stored, for one reason.")
class Gap:
    from_: datetime = strawberry.field(name="from", description="Start of the first missing bucket.")
    to: datetime = strawberry.field(description="End of the last missing bucket.")
    missing_points: int = strawberry.field(description="How many buckets are missing.")
    reason: GapReason = strawberry.field(description="Why.")
    next_attempt_at: datetime | None = strawberry.field(
        description="When they will be asked for again, or when a refresh will ask again; null: at the next refresh "
        "for NOT_FETCHED and errors, otherwise not by itself."
    )

    @classmethod
    def from_view(cls, view: GapView) -> Gap:
        return cls(
            from_=view.window.start,
            to=view.window.end,
            missing_points=view.missing,
            reason=GapReason(view.reason.value),
            next_attempt_at=view.next_attempt_at,
        )


@strawberry.type(description="How much of a range is stored. Only complete buckets count: those that have ended.")
class Coverage:
    view: strawberry.Private[CoverageView]
    granularity: Granularity = strawberry.field(description="The store that was looked at.")
    range: TimeRange = strawberry.field(description="The complete buckets it speaks of.")
    expected_points: int = strawberry.field(description="Complete buckets in the range.")
    actual_points: int = strawberry.field(description="How many of them are stored.")
    first_point_at: datetime | None = strawberry.field(description="First stored bucket in the range.")
    last_point_at: datetime | None = strawberry.field(description="Last stored bucket in the range.")
    completeness: float = strawberry.field(description="`actualPoints / expectedPoints`, 0 to 1; 1 for no bucket.")

    @strawberry.field(description="The missing stretches, oldest first, each with its reason.")
    async def gaps(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="At most so many; 1 to 1000.")] = 20,
    ) -> list[Gap]:
        check_page_size(first)
        if not self.view.holes:
            return []
        views = await info.context.gaps.load((self.view.key, self.view))
        return [Gap.from_view(view) for view in views[:first]]

    @classmethod
    def from_view(cls, view: CoverageView) -> Coverage:
        return cls(
            view=view,
            granularity=Granularity(view.key.granularity.value),
            range=TimeRange.from_window(view.key.window),
            expected_points=view.expected,
            actual_points=view.actual,
            first_point_at=view.first,
            last_point_at=view.last,
            completeness=view.actual / view.expected if view.expected else 1.0,
        )


@strawberry.type(description="Stored prices of one coin in one currency over a range.")
class PriceHistory:
    view: strawberry.Private[HistoryView]
    policy: strawberry.Private[GapPolicy]
    coin: Annotated[Coin, strawberry.lazy("schema.coins")] = strawberry.field(description="Whose prices.")
    currency: Currency = strawberry.field(description="What all prices here are in.")
    range: TimeRange = strawberry.field(
        description="The instants that were used: `from` floored to its bucket, `to` no later than now."
    )
    interval: Interval = strawberry.field(description="The distance of the points; the one chosen, after AUTO.")
    granularity: Granularity = strawberry.field(description="The store that answered.")
    next_from: datetime | None = strawberry.field(
        description="Set when the range held more points than the limit of a series: pass it as `from` to go on."
    )

    @strawberry.field(
        description="Oldest first. The bucket that is running now is among them once its first sample is stored."
    )
    def points(self, info: Info) -> list[PricePoint]:
        rows = {row.ts: row for row in self.view.rows}
        return [
            PricePoint.from_row(rows[time]) if time in rows else PricePoint.missing(time)
            for time in _times(self.view, self.policy, info.context.now)
        ]

    @strawberry.field(description="The same points as arrays.")
    def columns(self, info: Info) -> PriceColumns:
        rows = {row.ts: row for row in self.view.rows}
        times = _times(self.view, self.policy, info.context.now)
        found = [rows.get(time) for time in times]
        return PriceColumns(
            time=times,
            price=[row.price if row else None for row in found],
            high=[row.high if row else None for row in found],
            low=[row.low if row else None for row in found],
            volume24h=[row.volume_24h if row else None for row in found],
            market_cap=[row.market_cap if row else None for row in found],
        )

    @strawberry.field(description="How much of the range is stored, and what is missing why.")
    async def coverage(self, info: Info) -> Coverage:
        return Coverage.from_view(await info.context.coverage.load(self.view.coverage_key(info.context.now)))

    @classmethod
    def from_view(cls, view: HistoryView, policy: GapPolicy) -> PriceHistory:
        from schema.coins import Coin

        return cls(
            view=view,
            policy=policy,
            coin=Coin.from_row(view.coin),
            currency=Currency.from_row(view.currency),
            range=TimeRange.from_window(view.asked.window),
            interval=Interval(view.asked.interval.value),
            granularity=Granularity(view.asked.granularity.value),
            next_from=view.asked.next_from,
        )


@strawberry.type(description="One per coin asked for, in order: one bad coin never fails the batch.")
class PriceHistoryResult:
    slug: str = strawberry.field(description="As it was asked for.")
    history: PriceHistory | None = strawberry.field(description="Null when there is an error.")
    error: ApiError | None = strawberry.field(description="Null when there is a history.")

    @classmethod
    def from_view(cls, slug: str, view: HistoryView | errors.ApiError, policy: GapPolicy) -> PriceHistoryResult:
        if isinstance(view, errors.ApiError):
            return cls(slug=slug, history=None, error=ApiError.from_error(view))
        return cls(slug=slug, history=PriceHistory.from_view(view, policy), error=None)


@strawberry.type(description="The newest price that is known, whatever its bucket.")
class LatestPrice:
    price: float = strawberry.field(description="In `currency`.")
    currency: Currency = strawberry.field(description="What the price is in.")
    market_cap: float | None = strawberry.field(
        description="In `currency`; null where the provider has no such figure."
    )
    volume24h: float | None = strawberry.field(
        description="Traded in the 24 hours before, in `currency`; null where the provider has no such figure."
    )
    change24h_percent: float | None = strawberry.field(
        description="Against the stored hour nearest to 24 hours earlier; null when that is not stored."
    )
    observed_at: datetime = strawberry.field(description="The provider's stamp of the price.")
    provider: Provider = strawberry.field(description="Who gave it.")

    @classmethod
    def from_row(cls, row: LatestRow, currency: Currency) -> LatestPrice:
        before = row.price_24h_ago
        return cls(
            price=row.price,
            currency=currency,
            market_cap=row.market_cap,
            volume24h=row.volume_24h,
            change24h_percent=(row.price / before - 1) * 100 if before else None,
            observed_at=row.observed_at,
            provider=Provider[PROVIDER_CODES[row.provider_id]],
        )


def _times(view: HistoryView, policy: GapPolicy, now: datetime) -> list[datetime]:
    """The buckets that get a point: all that have ended, and whatever is stored; or just the latter."""
    stored = [row.ts for row in view.rows]
    if policy is GapPolicy.OMIT:
        return stored
    times = view.asked.times(now)
    width = view.asked.granularity.width
    running = bool(times) and times[-1] + width > now
    return times[:-1] if running and (not stored or stored[-1] != times[-1]) else times


@strawberry.type
class PriceQueries:
    @strawberry.field(
        description="Stored prices of many coins over one range: one result per coin, in the order asked for. "
        "Errors of the whole: RANGE_INVALID, NOT_FOUND for the currency, COST_EXCEEDED."
    )
    async def price_history(
        self,
        info: Info,
        coins: Annotated[list[str], strawberry.argument(description="Slugs; at most 1000.")],
        currency: CurrencyArgument = "usd",
        from_: FromArgument = A_WEEK_AGO,
        to: ToArgument = NOW,
        interval: IntervalArgument = Interval.AUTO,
        gaps: GapsArgument = GapPolicy.NULLS,
    ) -> list[PriceHistoryResult]:
        limits = info.context.settings.limits
        asked = settle(info.context.now, from_, to, AskedInterval(interval.name), limits.max_points_per_series)
        views = await resolve_histories(info.context, coins, currency, asked)
        return [PriceHistoryResult.from_view(slug, view, gaps) for slug, view in zip(coins, views, strict=True)]
