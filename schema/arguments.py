"""Arguments that several fields take, described once."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import strawberry

from resolvers.instants import Instant
from schema.enums import GapPolicy, Granularity, Interval
from schema.transforms import Transform

A_WEEK_AGO = Instant("now-7d")
NOW = Instant("now")

CurrencyArgument = Annotated[
    str,
    strawberry.argument(
        description="Code of a currency, such as `usd`; `currencies` lists them. What is not stored in it is converted."
    ),
]
FromArgument = Annotated[
    Instant,
    strawberry.argument(name="from", description="First instant; floored to its bucket. Not before 2009-01-03."),
]
ToArgument = Annotated[Instant, strawberry.argument(description="First instant after the range; now at the latest.")]
IntervalArgument = Annotated[Interval, strawberry.argument(description="Distance of the points.")]
GapsArgument = Annotated[GapPolicy, strawberry.argument(description="What stands for buckets that are not stored.")]
CarryLimitArgument = Annotated[
    timedelta | None,
    strawberry.argument(
        description="How old a price may be that CARRY puts into a hole. Left out: 24h from the hourly store, 7d from "
        "the daily one."
    ),
]
FinalOnlyArgument = Annotated[
    bool, strawberry.argument(description="Only points that are settled: those of other states are left out.")
]
GranularityArgument = Annotated[Granularity, strawberry.argument(description="The store to look at.")]
StoreArgument = Annotated[
    Granularity | None,
    strawberry.argument(
        description="The store to make the points from. Left out: HOURLY up to HOUR_12, DAILY from DAY_1. HOURLY gives "
        "days and longer intervals candles from hours."
    ),
]
TransformsArgument = Annotated[
    list[Transform] | None,
    strawberry.argument(description="Computed over `price`, one after the other, into `value`; at most 8."),
]
FirstArgument = Annotated[int, strawberry.argument(description="Page size, 1 to 1000.")]
AfterArgument = Annotated[str | None, strawberry.argument(description="An `endCursor`: go on behind it.")]
