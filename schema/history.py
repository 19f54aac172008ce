"""Price history: of one coin, or of many at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, cast

import strawberry

from db.series import Granularity as StoredGranularity
from resolvers import errors
from resolvers.context import Context
from resolvers.freshness import resolve_freshness
from resolvers.history import NOTHING_AHEAD, SUMMARISED, HistoryView, resolve_histories
from resolvers.instants import Instant
from resolvers.intervals import Interval as AskedInterval
from resolvers.points import Filling, PointView
from resolvers.points import GapPolicy as AskedPolicy
from resolvers.ranges import Asked, settle
from resolvers.summary import Summary
from schema.arguments import (
    A_WEEK_AGO,
    NOW,
    CarryLimitArgument,
    CurrencyArgument,
    FinalOnlyArgument,
    FromArgument,
    GapsArgument,
    IntervalArgument,
    StoreArgument,
    ToArgument,
    TransformsArgument,
)
from schema.common import ApiError, Info, TimeRange, count_fields, selected_names
from schema.coverage import Coverage, Freshness
from schema.currencies import Currency
from schema.enums import GapPolicy, Granularity, Interval
from schema.lookahead import look_ahead
from schema.points import Points, PriceColumns, PricePoint, point_fields
from schema.transforms import make_transforms

if TYPE_CHECKING:
    from schema.coins import Coin


@strawberry.type(
    description="A range in a few figures, all over `price`. Points that are MISSING or CARRIED do not count; null "
    "when nothing is left."
)
class HistorySummary:
    first: PricePoint | None = strawberry.field(description="The first point.")
    last: PricePoint | None = strawberry.field(description="The last point.")
    min: PricePoint | None = strawberry.field(description="The point with the lowest `low`; of several the first.")
    max: PricePoint | None = strawberry.field(description="The point with the highest `high`; of several the first.")
    mean: float | None = strawberry.field(description="Arithmetic mean of the prices.")
    change_percent: float | None = strawberry.field(
        description="From the first point's `price` to the last one's `close`, in percent."
    )
    max_drawdown_percent: float | None = strawberry.field(
        description="The largest fall from a point to a later one, in percent of the former: 0 when it never fell."
    )

    @classmethod
    def from_summary(
        cls, found: Summary, points: Mapping[int, PointView], values: Mapping[int, float | None]
    ) -> HistorySummary:
        """`points` and `values` are by the places that the summary names."""
        shown = {place: PricePoint.from_view(point, values[place]) for place, point in points.items()}
        first, last, lowest, highest = (
            None if place is None else shown[place] for place in (found.first, found.last, found.lowest, found.highest)
        )
        return cls(
            first=first,
            last=last,
            min=lowest,
            max=highest,
            mean=found.mean,
            change_percent=found.change_percent,
            max_drawdown_percent=found.max_drawdown_percent,
        )


@strawberry.type(description="Prices of one coin in one currency over a range.")
class PriceHistory:
    view: strawberry.Private[HistoryView]
    coin: Annotated[Coin, strawberry.lazy("schema.coins")] = strawberry.field(description="Whose prices.")
    currency: Currency = strawberry.field(description="What all prices here are in.")
    range: TimeRange = strawberry.field(
        description="The instants that were used: `from` floored to its bucket, `to` no later than now. Every bucket "
        "that begins inside belongs to the answer, with all of its samples."
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
        self._charge(info)
        return cast("list[PricePoint]", Points(info.context, self.view))

    @strawberry.field(description="The same points as arrays.")
    def columns(self, info: Info) -> PriceColumns:
        self._charge(info)
        return PriceColumns.from_view(info.context, self.view)

    @strawberry.field(description="The range in a few figures.")
    async def summary(self, info: Info) -> HistorySummary:
        self._charge_points(info, len(SUMMARISED) + self._transformed(info))
        fields = point_fields(info)
        return HistorySummary.from_summary(*await self.view.summarise(info.context, fields))

    @strawberry.field(description="How much of the range is stored, and what is missing why.")
    async def coverage(self, info: Info) -> Coverage:
        return Coverage.from_view(await info.context.coverage.load(self.view.coverage_key(info.context.now)))

    @strawberry.field(description="How young the stored points are: not those of the range, but up to now.")
    async def freshness(self, info: Info) -> Freshness:
        view = self.view
        return Freshness.from_view(
            await resolve_freshness(info.context, view.coin.id, view.quote, view.asked.granularity)
        )

    def _charge(self, info: Info) -> None:
        self._charge_points(info, count_fields(info) + self._transformed(info))

    def _transformed(self, info: Info) -> int:
        """How often a transform will go over the points."""
        return len(self.view.transforms) * sum(name == "value" for name in selected_names(info))

    def _charge_points(self, info: Info, fields: int) -> None:
        asked = self.view.asked
        info.context.charge_values(asked.interval.buckets(asked.window) * fields)

    @classmethod
    def from_view(cls, view: HistoryView) -> PriceHistory:
        from schema.coins import Coin

        return cls(
            view=view,
            coin=Coin.from_row(view.coin),
            currency=Currency.from_row(view.quote.currency),
            range=TimeRange.from_window(view.asked.window),
            interval=Interval(view.asked.interval.value),
            granularity=Granularity(view.asked.granularity.value),
            next_from=view.asked.next_from,
        )


@strawberry.type(description="One per coin asked for, in order: one bad coin never fails the batch.")
class PriceHistoryResult:
    slug: str = strawberry.field(description="As it was asked for.")
    history: PriceHistory | None = strawberry.field(description="Null when there is an error.")
    error: ApiError | None = strawberry.field(
        description="Null when there is a history. NOT_FOUND for an unknown coin; DATA_INCOMPLETE when points are "
        "missing and `gaps: ERROR` was asked for."
    )

    @classmethod
    def from_view(cls, slug: str, view: HistoryView | errors.ApiError) -> PriceHistoryResult:
        if isinstance(view, errors.ApiError):
            return cls(slug=slug, history=None, error=ApiError.from_error(view))
        return cls(slug=slug, history=PriceHistory.from_view(view), error=None)


def settle_range(
    context: Context, from_: Instant, to: Instant, interval: Interval, granularity: Granularity | None
) -> Asked:
    """The range as it will be answered, within the limits of a series."""
    store = StoredGranularity(granularity.name) if granularity else None
    limit = context.settings.limits.max_points_per_series
    return settle(context.now, from_, to, AskedInterval(interval.name), limit, store)


def make_filling(policy: GapPolicy, carry_limit: timedelta | None, final_only: bool) -> Filling:
    return Filling(AskedPolicy(policy.name), carry_limit, final_only)


@strawberry.type
class HistoryQueries:
    @strawberry.field(
        description="Prices of many coins over one range: one result per coin, in the order asked for. "
        "Errors of the whole: RANGE_INVALID, BAD_INPUT, NOT_FOUND or FX_UNAVAILABLE for the currency, COST_EXCEEDED."
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
        carry_limit: CarryLimitArgument = None,
        final_only: FinalOnlyArgument = False,
        granularity: StoreArgument = None,
        transforms: TransformsArgument = None,
    ) -> list[PriceHistoryResult]:
        asked = settle_range(info.context, from_, to, interval, granularity)
        filling = make_filling(gaps, carry_limit, final_only)
        ahead = look_ahead(info) if gaps is GapPolicy.ERROR else NOTHING_AHEAD
        views = await resolve_histories(
            info.context, coins, currency, asked, filling, make_transforms(transforms), ahead
        )
        return [PriceHistoryResult.from_view(slug, view) for slug, view in zip(coins, views, strict=True)]
