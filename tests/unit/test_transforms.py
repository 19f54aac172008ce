"""Each transform is what its definition says at every point; what cannot be computed is None."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resolvers.transforms import (
    Transform,
    apply_transforms,
    drawdown,
    moving_average,
    percent_change,
    rebase,
    rolling_volatility,
)

Values = list[float | None]
PRICES: st.SearchStrategy[Values] = st.lists(st.none() | st.floats(1e-9, 1e9), max_size=20)
# Whatever a transform may get from another one, or from a store that holds anything positive.
ANYTHING: st.SearchStrategy[Values] = st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False))


def known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def same(found: Sequence[float | None], expected: Sequence[float | None]) -> bool:
    return [value is None for value in found] == [value is None for value in expected] and known(
        found
    ) == pytest.approx(known(expected), rel=1e-9, abs=1e-9)


def last(values: Values, place: int, points: int) -> list[float] | None:
    """So many values up to this place, when all of them are there and known."""
    part = values[place + 1 - points : place + 1] if place + 1 >= points else []
    found = known(part)
    return found if len(found) == points else None


@given(PRICES, st.integers(2, 6))
def test_a_moving_average_is_the_mean_of_the_last_points(values: Values, points: int) -> None:
    expected: Values = []
    for place in range(len(values)):
        part = last(values, place, points)
        expected.append(None if part is None else sum(part) / points)

    assert same(apply_transforms(values, [moving_average(points)]), expected)


@given(PRICES, st.integers(1, 6))
def test_a_percent_change_is_against_the_point_so_many_places_before(values: Values, points: int) -> None:
    expected: Values = []
    for place, now in enumerate(values):
        before = values[place - points] if place >= points else None
        expected.append(None if now is None or before is None else (now - before) / before * 100)

    assert same(apply_transforms(values, [percent_change(points)]), expected)


@given(PRICES, st.floats(0.01, 1e6))
def test_rebasing_makes_the_first_known_value_the_base_and_keeps_every_ratio(values: Values, to: float) -> None:
    found = apply_transforms(values, [rebase(to)])

    first = next(iter(known(values)), 1.0)
    assert same(found, [None if value is None else to * (value / first) for value in values])


@given(PRICES)
def test_a_drawdown_is_measured_from_the_highest_value_so_far(values: Values) -> None:
    expected: Values = []
    for place, value in enumerate(values):
        highest = max(known(values[: place + 1]), default=0.0)
        expected.append(None if value is None else (value - highest) / highest * 100)

    found = apply_transforms(values, [drawdown])

    assert same(found, expected)
    assert all(-100 <= value <= 0 for value in known(found))


@given(PRICES, st.integers(2, 5))
def test_rolling_volatility_is_the_deviation_of_the_last_logarithmic_returns(values: Values, points: int) -> None:
    expected: Values = []
    for place in range(len(values)):
        prices = last(values, place, points + 1)
        if prices is None:
            expected.append(None)
            continue
        returns = [math.log(after) - math.log(before) for before, after in pairwise(prices)]
        mean = sum(returns) / points
        expected.append(100 * math.sqrt(sum((one - mean) ** 2 for one in returns) / (points - 1)))

    found = apply_transforms(values, [rolling_volatility(points)])

    assert [value is None for value in found] == [value is None for value in expected]
    assert known(found) == pytest.approx(known(expected), rel=1e-6, abs=1e-6)


@given(PRICES)
def test_transforms_are_applied_one_after_the_other(values: Values) -> None:
    assert apply_transforms(values, [moving_average(2), percent_change(1)]) == apply_transforms(
        apply_transforms(values, [moving_average(2)]), [percent_change(1)]
    )
    assert apply_transforms(values, []) == values


SOME = st.sampled_from(
    [moving_average(2), percent_change(1), rebase(1e308), rebase(1e-300), drawdown, rolling_volatility(2)]
)


@given(ANYTHING, st.lists(SOME, max_size=8))
@example([1.0, 1.0, 1.0], [rebase(1e308), moving_average(2)])
@example([1e-308, 1e308, 1e-308, 1e308], [rolling_volatility(2)])
def test_whatever_they_get_they_answer_one_number_or_none_for_each_value(
    values: Values, transforms: list[Transform]
) -> None:
    found = apply_transforms(values, transforms)

    assert len(found) == len(values)
    assert all(math.isfinite(value) for value in known(found))
