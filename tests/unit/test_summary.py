"""A summary is what looking at every pair of points would find."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from db.series import EPOCH, HOUR
from resolvers.points import PointOrigin, PointState, PointView
from resolvers.summary import Summary, summarise

PRICES = st.floats(1e-12, 1e12)


@st.composite
def histories(draw: st.DrawFn) -> list[PointView]:
    """Points of every origin; few distinct prices, so that some are equal."""
    choices = draw(st.lists(PRICES, min_size=1, max_size=5))
    points = []
    for place, origin in enumerate(draw(st.lists(st.sampled_from(PointOrigin), max_size=12))):
        point = PointView(EPOCH + place * HOUR, origin, PointState.FINAL)
        if origin is not PointOrigin.MISSING:
            price, high, low, close = (draw(st.sampled_from(choices)) for _ in range(4))
            point = point._replace(price=price, high=high, low=low, close=close)
        points.append(point)
    return points


def flat(price: float) -> PointView:
    point = PointView(EPOCH, PointOrigin.OBSERVED, PointState.FINAL)
    return point._replace(price=price, high=price, low=price, close=price)


def close_to(value: float) -> object:
    return pytest.approx(value, rel=1e-9, abs=1e-9)


def summary_of(points: list[PointView]) -> Summary:
    return summarise(
        *([getattr(point, name) for point in points] for name in ("origin", "price", "low", "high", "close"))
    )


@given(histories())
def test_a_summary_is_of_the_points_that_are_stored(points: list[PointView]) -> None:
    found = summary_of(points)

    known = [point for point in points if point.origin not in (PointOrigin.MISSING, PointOrigin.CARRIED)]
    if not known:
        assert found == Summary()
        return
    prices, lows, highs, closes = (
        [value for point in known if (value := getattr(point, name)) is not None]
        for name in ("price", "low", "high", "close")
    )
    assert found.first is not None
    assert found.last is not None
    assert (points[found.first], points[found.last]) == (known[0], known[-1])
    assert points[found.lowest or 0] == known[lows.index(min(lows))]
    assert points[found.highest or 0] == known[highs.index(max(highs))]
    assert found.mean == close_to(sum(prices) / len(prices))
    assert found.change_percent == close_to((closes[-1] - prices[0]) / prices[0] * 100)
    falls = [(prices[i] - prices[j]) / prices[i] * 100 for i in range(len(prices)) for j in range(i, len(prices))]
    assert found.max_drawdown_percent == close_to(max(falls))


@given(st.lists(st.floats(5e-324, 1.7e308), min_size=1))
@example([1e308, 1e308])
@example([5e-324, 1e308])
def test_no_price_is_too_large_or_too_small_for_it(prices: list[float]) -> None:
    found = summary_of([flat(price) for price in prices])

    for value in (found.mean, found.change_percent, found.max_drawdown_percent):
        assert value is None or math.isfinite(value)


@given(st.lists(PRICES, min_size=1))
def test_what_never_falls_has_no_drawdown(prices: list[float]) -> None:
    assert summary_of([flat(price) for price in sorted(prices)]).max_drawdown_percent == 0
