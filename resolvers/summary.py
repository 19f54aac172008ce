"""A range in a few figures, from the prices that are known; nothing carried or missing counts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

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


class _Known(NamedTuple):
    point: PointView
    price: float
    low: float
    high: float
    close: float


def summarise(points: Sequence[PointView]) -> SummaryView:
    """Of several lowest or highest points the first one counts."""
    known = list(_list_known(points))
    if not known:
        return SummaryView()
    prices = [one.price for one in known]
    return SummaryView(
        first=known[0].point,
        last=known[-1].point,
        lowest=min(known, key=lambda one: one.low).point,
        highest=max(known, key=lambda one: one.high).point,
        mean=_finite(sum(prices) / len(prices)),
        change_percent=_finite((known[-1].close / prices[0] - 1) * 100),
        max_drawdown_percent=_max_drawdown(prices) * 100,
    )


def _list_known(points: Sequence[PointView]) -> Iterator[_Known]:
    for point in points:
        prices = (point.price, point.low, point.high, point.close)
        if point.origin not in _INVENTED and None not in prices:
            yield _Known(point, *(price for price in prices if price is not None))


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
