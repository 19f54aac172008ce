"""Which sample stands for which hour and day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from db.prices import Point
from db.series import DAY, HOUR, Granularity, Window
from ingest.buckets import Sample, list_empty, to_points

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
WINDOW = Window(NOON, NOON + 6 * HOUR)
LATER = NOON + 10 * DAY


def at(hours: float = 0, seconds: float = 0) -> datetime:
    return NOON + timedelta(hours=hours, seconds=seconds)


def prices(samples: Sequence[Sample], now: datetime = LATER, window: Window = WINDOW) -> dict[datetime, float]:
    return {point.ts: point.price for point in to_points(samples, Granularity.HOURLY, window, now)}


def test_a_sample_a_little_late_belongs_to_the_hour_before_it() -> None:
    assert prices([Sample(at(0, 41.331), 1.0)]) == {at(0): 1.0}


def test_a_sample_a_little_early_belongs_to_the_hour_after_it() -> None:
    assert prices([Sample(at(1, -2), 1.0)]) == {at(1): 1.0}


def test_of_two_samples_the_nearer_one_is_taken_whatever_the_order() -> None:
    near, far = Sample(at(1, -2), 1.0), Sample(at(1, 41), 2.0)
    assert prices([near, far]) == prices([far, near]) == {at(1): 1.0}


def test_of_two_samples_equally_near_the_earlier_one_is_taken() -> None:
    before, after = Sample(at(1, -5), 1.0), Sample(at(1, 5), 2.0)
    assert prices([after, before]) == prices([before, after]) == {at(1): 1.0}


def test_a_bucket_that_has_not_begun_gets_no_price() -> None:
    assert prices([Sample(at(3, -10), 1.0)], now=at(3, -5)) == {}


def test_a_sample_of_the_hour_outside_the_window_is_left_out() -> None:
    assert prices([Sample(at(-1), 1.0), Sample(at(6), 2.0), Sample(at(5, 59), 3.0)]) == {at(5): 3.0}


def test_a_day_takes_what_its_first_hour_took() -> None:
    midnight = NOON + timedelta(hours=12)
    samples = [Sample(midnight - timedelta(seconds=2), 1.0), Sample(midnight + timedelta(seconds=41), 2.0)]
    window = Window(midnight, midnight + DAY)

    [day] = to_points(samples, Granularity.DAILY, window, LATER)
    [hour] = to_points(samples, Granularity.HOURLY, window, LATER)

    assert day == hour == Point(midnight, 1.0, midnight - timedelta(seconds=2))


def test_a_day_without_its_first_hour_has_no_price() -> None:
    midnight = NOON + timedelta(hours=12)
    samples = [Sample(midnight + timedelta(hours=hour), 1.0) for hour in range(1, 24)]
    assert to_points(samples, Granularity.DAILY, Window(midnight, midnight + DAY), LATER) == []


def test_market_cap_volume_and_the_providers_stamp_come_along() -> None:
    sample = Sample(at(0, 41), 1.0, market_cap=2.0, volume_24h=3.0)
    assert to_points([sample], Granularity.HOURLY, WINDOW, LATER) == [Point(NOON, 1.0, at(0, 41), 2.0, 3.0)]


@given(st.lists(st.integers(-3600, 8 * 3600), max_size=30), st.integers(0, 8 * 3600))
def test_every_point_is_the_nearest_sample_of_its_hour(seconds: list[int], age: int) -> None:
    samples = [Sample(at(0, second), float(index + 1)) for index, second in enumerate(seconds)]
    now = at(0, age)

    points = to_points(samples, Granularity.HOURLY, WINDOW, now)

    assert [point.ts for point in points] == sorted({point.ts for point in points})
    assert {point.ts for point in points} == {
        hour
        for hour in (at(index) for index in range(6))
        if hour <= now and any(-HOUR / 2 <= sample.at - hour < HOUR / 2 for sample in samples)
    }
    for point in points:
        nearest = min(abs(sample.at - point.ts) for sample in samples)
        assert abs(point.observed_at - point.ts) == nearest


@given(st.sets(st.integers(0, 47)), st.sampled_from(list(Granularity)))
def test_points_and_empty_stretches_together_are_the_window(filled: set[int], granularity: Granularity) -> None:
    width = granularity.width
    start = datetime(2026, 6, 1, tzinfo=UTC)
    window = Window(start, start + 48 * width)
    points = [Point(start + index * width, 1.0, start) for index in sorted(filled)]

    empty = list_empty(points, granularity, window)

    buckets = [stretch.start + index * width for stretch in empty for index in range(stretch.buckets(width))]
    assert sorted([*buckets, *(point.ts for point in points)]) == [start + index * width for index in range(48)]
    assert all(before.end < after.start for before, after in pairwise(empty))


def test_a_point_of_the_running_bucket_does_not_stretch_the_window() -> None:
    points = [Point(at(0), 1.0, at(0)), Point(at(6), 1.0, at(6))]
    assert list_empty(points, Granularity.HOURLY, WINDOW) == [Window(at(1), at(6))]
