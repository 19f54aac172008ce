"""The arithmetic of buckets and windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from db.series import DAY, HOUR, Window, ceil, complete, floor, nearest

instants = st.datetimes(datetime(1960, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
widths = st.sampled_from([HOUR, DAY])


def is_bucket(instant: datetime, width: timedelta) -> bool:
    clock = (instant.minute, instant.second, instant.microsecond)
    return clock == (0, 0, 0) and (width == HOUR or instant.hour == 0)


@given(instants, widths)
def test_floor_is_the_last_bucket_start_up_to_the_instant(instant: datetime, width: timedelta) -> None:
    start = floor(instant, width)
    assert is_bucket(start, width)
    assert timedelta(0) <= instant - start < width


@given(instants, widths)
def test_ceil_is_the_first_bucket_start_from_the_instant_on(instant: datetime, width: timedelta) -> None:
    end = ceil(instant, width)
    assert is_bucket(end, width)
    assert timedelta(0) <= end - instant < width


@given(instants, widths)
def test_nearest_is_at_most_half_a_bucket_away(instant: datetime, width: timedelta) -> None:
    start = nearest(instant, width)
    assert is_bucket(start, width)
    assert -width / 2 < start - instant <= width / 2


@given(instants, instants, instants, widths)
def test_complete_holds_every_bucket_that_the_window_touches_and_that_has_ended(
    one: datetime, two: datetime, now: datetime, width: timedelta
) -> None:
    window = Window(min(one, two), max(one, two))
    whole = complete(window, now, width)

    assert is_bucket(whole.start, width)
    assert is_bucket(whole.end, width)
    assert whole.start <= window.start < whole.start + width
    assert whole.start == whole.end or whole.end <= now
    if window.end + width <= now:
        assert window.end <= whole.end < window.end + width


@given(instants, st.integers(0, 2000), widths)
def test_buckets_counts_the_bucket_starts_inside(start: datetime, minutes: int, width: timedelta) -> None:
    window = Window(start, start + timedelta(minutes=minutes))
    starts = 0
    bucket = ceil(start, width)
    while bucket < window.end:
        starts, bucket = starts + 1, bucket + width
    assert window.buckets(width) == starts


@given(instants, instants, instants, instants)
def test_windows_overlap_when_their_intersection_has_a_length(
    a: datetime, b: datetime, c: datetime, d: datetime
) -> None:
    one, two = Window(min(a, b), max(a, b)), Window(min(c, d), max(c, d))
    common = one.intersection(two)
    assert one.overlaps(two) == two.overlaps(one) == (common.start < common.end)


def test_a_window_without_a_length_overlaps_none() -> None:
    instant = datetime(2026, 6, 1, tzinfo=UTC)
    assert not Window(instant, instant).overlaps(Window(instant - DAY, instant + DAY))
    assert not Window(instant - DAY, instant + DAY).overlaps(Window(instant, instant))
