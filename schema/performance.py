"""How a portfolio did over a period."""

from __future__ import annotations

from typing import Annotated

import strawberry

from resolvers.instants import Instant
from resolvers.performance import PerformanceView
from resolvers.returns import FORMULAS
from schema.common import TimeRange
from schema.enums import ReturnMethod
from schema.money import Money

StartArgument = Annotated[
    Instant,
    strawberry.argument(
        name="from",
        description="The start of the period. Not before 2009-01-03.",
    ),
]
MethodArgument = Annotated[ReturnMethod, strawberry.argument(description="How `percent` is reckoned.")]


@strawberry.type(description="What a portfolio gained over a period, and by how many percent it grew.")
class Performance:
    range: TimeRange = strawberry.field(description="The period, with `to` no later than now.")
    method: ReturnMethod = strawberry.field(description="The one asked for.")
    formula: str = strawberry.field(description="How `percent` is reckoned, in words.")
    start: Money | None = strawberry.field(description="What everything was worth at `from`; null when not all known.")
    end: Money | None = strawberry.field(description="Likewise at `to`.")
    net_flows: Money | None = strawberry.field(
        description="What was paid in, less what was taken out: purchases at cost, sales at what they brought, what "
        "came or went otherwise at its value then. Null when that is not all known."
    )
    gain: Money | None = strawberry.field(description="`end` - `start` - `netFlows`.")
    percent: float | None = strawberry.field(
        description="Of the whole period, not of a year. Null when something in it is not known, or when it makes no "
        "sense: `warnings` says which."
    )
    complete: bool = strawberry.field(description="Whether all that the figures rest on is known.")
    warnings: list[str] = strawberry.field(description="What is not known, by coin, account and time.")

    @classmethod
    def from_view(cls, view: PerformanceView) -> Performance:
        return cls(
            range=TimeRange.from_window(view.window),
            method=ReturnMethod[view.method.name],
            formula=FORMULAS[view.method],
            start=Money.of_known(view.start, view.currency),
            end=Money.of_known(view.end, view.currency),
            net_flows=Money.of_known(view.flows, view.currency),
            gain=Money.of_known(view.gain, view.currency),
            percent=view.percent,
            complete=view.complete,
            warnings=list(view.warnings),
        )
