"""Buckets of every interval are those that a calendar shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from db.series import Window
from resolvers.intervals import INTERVALS, Interval
from tests.oracle import unit, walk_back, walk_on

# From the first block to 2030.
INSTANTS = st.timedeltas(timedelta(0), timedelta(days=8_030)).map(lambda gone: datetime(2009, 1, 3, tzinfo=UTC) + gone)


@given(INSTANTS, st.sampled_from(INTERVALS))
def test_an_instant_belongs_to_the_last_bucket_that_began_before_it(instant: datetime, interval: Interval) -> None:
    assert interval.floor(instant) == walk_back(instant, interval)


@given(INSTANTS, st.sampled_from(INTERVALS), st.integers(0, 12))
def test_so_many_buckets_later_is_so_many_steps_through_the_calendar(
    instant: datetime, interval: Interval, count: int
) -> None:
    start = expected = interval.floor(instant)
    for _ in range(count):
        expected = walk_on(expected, interval)

    assert interval.after(start, count) == expected


@given(INSTANTS, st.sampled_from(INTERVALS), st.integers(-1, 40), st.integers(0, 10**12))
def test_the_buckets_of_a_window_tile_it(instant: datetime, interval: Interval, count: int, more: int) -> None:
    start = interval.floor(instant)
    end = interval.after(start, count) + timedelta(microseconds=more) % unit(interval)
    expected = []
    bucket = start
    while bucket < end:
        expected.append(bucket)
        bucket = walk_on(bucket, interval)

    assert interval.starts(start, interval.buckets(Window(start, end))) == expected
    assert interval.buckets(Window(start, end)) == len(expected)
    assert [interval.after(one) for one in expected[:-1]] == expected[1:]


def test_intervals_are_listed_from_the_smallest_to_the_largest() -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday, and the start of a year
    lengths = [interval.after(start) - start for interval in INTERVALS]

    assert lengths == sorted(lengths)
    assert {Interval.AUTO, *INTERVALS} == set(Interval)
