"""Arguments that several fields take, described once."""

from __future__ import annotations

from typing import Annotated

import strawberry

from resolvers.instants import Instant
from schema.enums import GapPolicy, Interval

A_WEEK_AGO = Instant("now-7d")
NOW = Instant("now")

CurrencyArgument = Annotated[
    str, strawberry.argument(description="Code of a stored currency, such as `usd`; `currencies` lists them.")
]
FromArgument = Annotated[
    Instant,
    strawberry.argument(name="from", description="First instant; floored to its bucket. Not before 2009-01-03."),
]
ToArgument = Annotated[Instant, strawberry.argument(description="First instant after the range; now at the latest.")]
IntervalArgument = Annotated[Interval, strawberry.argument(description="Distance of the points.")]
GapsArgument = Annotated[GapPolicy, strawberry.argument(description="What stands for buckets that are not stored.")]
FirstArgument = Annotated[int, strawberry.argument(description="Page size, 1 to 1000.")]
AfterArgument = Annotated[str | None, strawberry.argument(description="An `endCursor`: go on behind it.")]
