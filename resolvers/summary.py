"""A range in a few figures, from the prices that are known; nothing carried or missing counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from resolvers.points import PointOrigin, PointView

_INVENTED = (PointOrigin.MISSING, PointOrigin.CARRIED)


@dataclass(frozen=True, slots=True)
class SummaryView:
    """All null over an empty range; the percentages are of 100."""

    first: PointView | None = None
    last: PointView | None = None
    lowest: PointView | None = None
    highest: PointView | None = None
    mean: float | None = None
    change_percent: float | None = None
    max_drawdown_percent: float | None = None


def summarise(points: Sequence[PointView]) -> SummaryView:
    """Of several lowest or highest points the first one counts."""
    known = [(point, point.price) for point in points if point.origin not in _INVENTED and point.price is not None]
    if not known:
        return SummaryView()
    prices = [price for _, price in known]
    return SummaryView(
        first=known[0][0],
        last=known[-1][0],
        lowest=min(known, key=lambda pair: pair[1])[0],
        highest=max(known, key=lambda pair: pair[1])[0],
        mean=_finite(sum(prices) / len(prices)),
        change_percent=_finite((prices[-1] / prices[0] - 1) * 100),
        max_drawdown_percent=_max_drawdown(prices) * 100,
    )


def _finite(value: float) -> float | None:
    """Prices may be so far apart, or so large, that no number is left."""
    return value if math.isfinite(value) else None


def _max_drawdown(prices: Sequence[float]) -> float:
    """The largest fall from a price to a later one, as a part of the former."""
    highest = prices[0]
    worst = 0.0
    for price in prices:
        highest = max(highest, price)
        worst = max(worst, 1 - price / highest)
    return worst
