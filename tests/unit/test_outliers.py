"""Which samples of an answer look like a misplaced decimal point."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.series import HOUR
from ingest.buckets import Sample
from ingest.issues import OUTLIER_FACTOR, find_outliers

START = datetime(2026, 6, 1, tzinfo=UTC)


def samples(prices: list[float]) -> list[Sample]:
    return [Sample(START + hour * HOUR, price) for hour, price in enumerate(prices)]


@pytest.mark.parametrize(
    ("prices", "hours"),
    [
        ([1.0, 1.0, 100.0, 1.0, 1.0], [2]),
        ([1.0, 1.0, 0.01, 1.0, 1.0], [2]),
        ([1.0, 10.0, 1.0], []),
        ([1.0, 10.1, 1.0], [1]),
        ([1.0, 0.1, 1.0], []),
        ([1.0, 0.099, 1.0], [1]),
        ([1.0, 1.0, 100.0, 100.0, 100.0], []),
        ([100.0, 1.0, 1.0], []),
        ([1.0, 100.0], []),
        ([], []),
    ],
)
def test_a_sample_is_an_outlier_when_it_is_far_from_both_its_neighbours(prices: list[float], hours: list[int]) -> None:
    assert [one.time for one in find_outliers(samples(prices))] == [START + hour * HOUR for hour in hours]


@given(st.lists(st.floats(1.0, float(OUTLIER_FACTOR)), max_size=20), st.integers(1, 18))
def test_prices_within_the_factor_are_none_and_one_that_jumps_far_out_of_them_is_the_only_one(
    prices: list[float], place: int
) -> None:
    assert find_outliers(samples(prices)) == []
    if place < len(prices) - 1:
        prices[place] *= 1000
        [one] = find_outliers(samples(prices))
        assert (one.time, one.value) == (START + place * HOUR, repr(prices[place]))
