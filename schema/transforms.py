"""Transforms that clients can ask for."""

from __future__ import annotations

import math

import strawberry

from resolvers import transforms
from resolvers.errors import ApiError, Code

_MOST_POINTS = 1_000
_MOST_TRANSFORMS = 8


@strawberry.input(description="So many points.")
class Window:
    points: int = strawberry.field(description="2 to 1000.")


@strawberry.input(description="So many points before.")
class Lag:
    points: int = strawberry.field(default=1, description="1 to 1000.")


@strawberry.input(description="Where an index begins.")
class Rebase:
    to: float = strawberry.field(default=100.0, description="The first known value becomes this; above 0.")


@strawberry.input(one_of=True, description="One computation over the prices of a range.")
class Transform:
    moving_average: Window | None = strawberry.field(
        default=strawberry.UNSET, description="Mean of the last so many points, this one included; null before."
    )
    percent_change: Lag | None = strawberry.field(
        default=strawberry.UNSET, description="Against the point so many places before, in percent; null before."
    )
    rebase: Rebase | None = strawberry.field(
        default=strawberry.UNSET, description="Scaled so that the first known value is `to`: to compare coins."
    )
    drawdown: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="`true`: how far below the highest value so far, in percent: 0 at a high, negative below it.",
    )
    rolling_volatility: Window | None = strawberry.field(
        default=strawberry.UNSET,
        description="Sample standard deviation of the last so many logarithmic returns, in percent; not annualised.",
    )

    def function(self) -> transforms.Transform:
        if self.moving_average:
            return transforms.moving_average(_check(self.moving_average.points, 2))
        if self.percent_change:
            return transforms.percent_change(_check(self.percent_change.points, 1))
        if self.rolling_volatility:
            return transforms.rolling_volatility(_check(self.rolling_volatility.points, 2))
        if self.rebase:
            if not 0 < self.rebase.to < math.inf:
                raise ApiError(Code.BAD_INPUT, "`rebase { to }` must be a finite number above 0", field=["transforms"])
            return transforms.rebase(self.rebase.to)
        if self.drawdown:
            return transforms.drawdown
        raise ApiError(Code.BAD_INPUT, "`drawdown` is `true` or left out", field=["transforms"])


def make_transforms(given: list[Transform] | None) -> tuple[transforms.Transform, ...]:
    """In the order they were asked for; BAD_INPUT for what cannot be computed."""
    if given and len(given) > _MOST_TRANSFORMS:
        raise ApiError(Code.BAD_INPUT, f"at most {_MOST_TRANSFORMS} transforms fit", field=["transforms"])
    return tuple(one.function() for one in given or [])


def _check(points: int, least: int) -> int:
    if not least <= points <= _MOST_POINTS:
        raise ApiError(
            Code.BAD_INPUT, f"`points` must be between {least} and {_MOST_POINTS}", field=["transforms", "points"]
        )
    return points
