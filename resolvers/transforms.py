"""Figures computed from a row of prices, point by point; what cannot be computed is None, never a guess."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from resolvers.rolling import rolling_moments

Values = Sequence[float | None]
Transform = Callable[[Values], list[float | None]]


def apply_transforms(prices: Values, transforms: Sequence[Transform]) -> list[float | None]:
    """Each transform works on what the one before it answered."""
    values = list(prices)
    for transform in transforms:
        values = [value if value is None or math.isfinite(value) else None for value in transform(values)]
    return values


def moving_average(points: int) -> Transform:
    """The mean of the last so many points, this one included."""
    return lambda values: [last.mean if last else None for last in rolling_moments(values, points)]


def percent_change(points: int) -> Transform:
    """Against the point so many places before, in percent."""

    def change(values: Values) -> list[float | None]:
        pairs = zip([None] * points + list(values), values, strict=False)
        return [(now / before - 1) * 100 if now is not None and before else None for before, now in pairs]

    return change


def rebase(to: float) -> Transform:
    """Scaled, so that the first known value is `to`."""

    def scale(values: Values) -> list[float | None]:
        first = next((value for value in values if value is not None), None)
        return [value / first * to if value is not None and first else None for value in values]

    return scale


def drawdown(values: Values) -> list[float | None]:
    """How far below the highest value so far, in percent: 0 at a high, negative below it."""
    highest = -math.inf
    found: list[float | None] = []
    for value in values:
        highest = highest if value is None else max(highest, value)
        found.append((value / highest - 1) * 100 if value is not None and highest > 0 else None)
    return found


def rolling_volatility(points: int) -> Transform:
    """The sample standard deviation of the last so many logarithmic returns, in percent; not annualised."""

    def volatility(values: Values) -> list[float | None]:
        returns = [_log_return(before, now) for before, now in zip([None, *values], values, strict=False)]
        return [last.deviation * 100 if last else None for last in rolling_moments(returns, points)]

    return volatility


def _log_return(before: float | None, now: float | None) -> float | None:
    return math.log(now / before) if before and now and now / before > 0 else None
