"""How much is stored, what is missing and why, and how young it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import strawberry

from resolvers.coverage import CoverageView
from resolvers.freshness import FreshnessView, resolve_stale_reason
from resolvers.gaps import GapView
from resolvers.paging import check_page_size
from schema.common import Info, TimeRange
from schema.enums import GapReason, Granularity


@strawberry.type(description="A stretch of missing buckets with one reason.")
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


@strawberry.type(
    description="How much of a range is stored. Only complete buckets count: those that have ended. In a currency that "
    "is converted, a bucket without a rate counts as missing."
)
class Coverage:
    view: strawberry.Private[CoverageView]
    granularity: Granularity = strawberry.field(description="The store that was looked at.")
    range: TimeRange = strawberry.field(description="The complete buckets it speaks of.")
    expected_points: int = strawberry.field(description="Complete buckets of the store in the range.")
    actual_points: int = strawberry.field(description="How many of them are stored.")
    first_point_at: datetime | None = strawberry.field(description="First stored bucket in the range.")
    last_point_at: datetime | None = strawberry.field(description="Last stored bucket in the range.")
    completeness: float = strawberry.field(description="`actualPoints / expectedPoints`, 0 to 1; 1 for no bucket.")

    @strawberry.field(description="The missing stretches, oldest first, each with its reason.")
    def gaps(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="At most so many; 1 to 1000.")] = 20,
    ) -> list[Gap]:
        check_page_size(first)
        return [Gap.from_view(view) for view in self.view.explain(info.context.now)[:first]]

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


@strawberry.type(
    description="How young the newest observation is. What is converted is as old as the older of price and rate."
)
class Freshness:
    view: strawberry.Private[FreshnessView]
    as_of: datetime | None = strawberry.field(description="The newest observation; null when there is none.")
    age: timedelta | None = strawberry.field(description="Time since then; null when there is none.")
    expected_within: timedelta = strawberry.field(
        description="An older observation is stale: 2 hours, or 26 hours for the daily store."
    )
    is_stale: bool = strawberry.field(description="Whether it is older than that, or there is none.")

    @strawberry.field(
        description="Why the newest bucket is missing; null when nothing is stale, or the bucket is stored."
    )
    async def reason(self, info: Info) -> GapReason | None:
        reason = await resolve_stale_reason(info.context, self.view)
        return GapReason(reason.value) if reason else None

    @classmethod
    def from_view(cls, view: FreshnessView) -> Freshness:
        return cls(
            view=view,
            as_of=view.as_of,
            age=view.age,
            expected_within=view.expected_within,
            is_stale=view.is_stale,
        )
