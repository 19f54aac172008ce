"""A range in a few figures, from the prices that are known; nothing carried or missing counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from resolvers.points import PointOrigin

_INVENTED = (PointOrigin.MISSING, PointOrigin.CARRIED)
Prices = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Summary:
    """`first` to `highest` are places in the range. All null over an empty one; the percentages are of 100."""

    first: int | None = None
    last: int | None = None
    lowest: int | None = None
    highest: int | None = None
    mean: float | None = None
    change_percent: float | None = None
    max_drawdown_percent: float | None = None


def summarise(origins: Sequence[str], prices: Prices, lows: Prices, highs: Prices, closes: Prices) -> Summary:
    """From what is known of each point. Of several lowest or highest points the first one counts."""
    places = [place for place, origin in enumerate(origins) if origin not in _INVENTED]
    if not places:
        return Summary()
    known, low, high, close = (_take(values, places) for values in (prices, lows, highs, closes))
    return Summary(
        first=places[0],
        last=places[-1],
        lowest=places[low.index(min(low))],
        highest=places[high.index(max(high))],
        mean=_finite(sum(known) / len(known)),
        change_percent=_finite((close[-1] / known[0] - 1) * 100),
        max_drawdown_percent=_max_drawdown(known) * 100,
    )


def _take(values: Prices, places: Sequence[int]) -> list[float]:
    """Those at the places; what is stored has a price."""
    return [value for place in places if (value := values[place]) is not None]


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
