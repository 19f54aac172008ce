"""What a client asks for becomes a range of whole buckets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from db.series import Granularity, Window
from resolvers.errors import ApiError, Code
from resolvers.instants import Instant
from resolvers.intervals import INTERVALS, Interval
from resolvers.ranges import AUTO_POINTS, FIRST_BLOCK, Asked, settle

NOW = datetime(2026, 11, 20, 19, 37, 12, 345_678, tzinfo=UTC)
# There are 156,703 hours since the first block.
LENGTHS = st.integers(1, 48) | st.integers(1, 155_000)


def asked(
    start: str,
    end: str = "now",
    interval: Interval = Interval.AUTO,
    max_points: int = 10_000,
    granularity: Granularity | None = None,
) -> Asked:
    return settle(NOW, Instant.parse(start), Instant.parse(end), interval, max_points, granularity)


def points(found: Asked) -> int:
    return found.interval.buckets(found.window)


@given(LENGTHS, st.integers(0, 1000), st.sampled_from([None, *Granularity]))
def test_auto_is_the_smallest_interval_of_the_store_that_needs_at_most_500_points(
    hours: int, ago: int, granularity: Granularity | None
) -> None:
    start, end = f"now-{hours + ago}h", f"now-{ago}h"
    found = asked(start, end, granularity=granularity)

    stored = [one for one in INTERVALS if granularity is not Granularity.DAILY or one.granularity is granularity]
    needs = {one: points(asked(start, end, one, 10**6)) for one in stored}
    assert found.interval is next(one for one in stored if needs[one] <= AUTO_POINTS)
    assert found.granularity is (granularity or found.interval.granularity)


def test_the_500th_hour_may_be_the_running_one() -> None:
    assert (asked("now-499h").interval, points(asked("now-499h"))) == (Interval.HOUR_1, 500)
    assert asked("now-500h").interval is Interval.HOUR_4


def times(part: Asked) -> list[datetime]:
    return part.interval.starts(part.window.start, part.count(NOW))


@given(LENGTHS, st.sampled_from(INTERVALS), st.integers(1, 50))
def test_the_parts_of_a_range_that_is_cut_join_without_gap_or_overlap(
    hours: int, interval: Interval, most: int
) -> None:
    start: datetime | None = NOW - timedelta(hours=hours)
    expected = times(asked(f"now-{hours}h", interval=interval, max_points=10**6))
    found: list[datetime] = []
    for _ in range(4):
        assert start is not None
        part = asked(start.isoformat(), interval=interval, max_points=most)
        assert points(part) <= most
        assert part.window.start == interval.floor(start)
        found += times(part)
        start = part.next_from
        if start is None:
            break
    assert found == expected[: 4 * most]
    assert (start is None) == (len(expected) <= 4 * most)


@given(LENGTHS, st.integers(0, 1000), st.sampled_from(INTERVALS), st.sampled_from(Granularity))
def test_the_rows_are_those_of_every_bucket_that_begins_inside_to_its_end(
    hours: int, ago: int, interval: Interval, granularity: Granularity
) -> None:
    assume(granularity is Granularity.HOURLY or interval.granularity is Granularity.DAILY)

    found = asked(f"now-{hours + ago}h", f"now-{ago}h", interval, granularity=granularity)

    starts = interval.starts(found.window.start, interval.buckets(found.window))
    assert found.rows == Window(starts[0], interval.after(starts[-1]))
    assert interval.floor(found.rows.end) == found.rows.end


@given(LENGTHS, st.sampled_from(INTERVALS), st.sampled_from(Granularity), st.integers(0, 100))
@example(hours=155_000, interval=Interval.YEAR_1, granularity=Granularity.DAILY, more=1)
def test_what_is_read_reaches_back_as_far_as_asked_but_not_beyond_the_first_block(
    hours: int, interval: Interval, granularity: Granularity, more: int
) -> None:
    assume(granularity is Granularity.HOURLY or interval.granularity is Granularity.DAILY)
    found = asked(f"now-{hours}h", interval=interval, granularity=granularity)
    lookback = more * granularity.width

    reach = found.reach(lookback)

    assert (found.reach(timedelta(0)), reach.end) == (found.rows, found.rows.end)
    assert reach.start in (found.rows.start - lookback, FIRST_BLOCK, found.rows.start)
    assert reach.start >= min(FIRST_BLOCK, found.rows.start)
    assert found.reach(timedelta(days=36_525)).start == min(FIRST_BLOCK, found.rows.start)


@pytest.mark.parametrize("interval", INTERVALS)
def test_as_many_points_as_a_series_may_have_always_fit_in_a_request(interval: Interval) -> None:
    for granularity in {interval.granularity, Granularity.HOURLY}:
        found = asked("2009-01-03T00:00:00Z", interval=interval, granularity=granularity)

        assert points(found) <= found.cost(timedelta(0)) <= 14_000


def test_points_that_are_answered_as_they_are_stored_count_in_full_and_so_do_those_before_the_range() -> None:
    for interval in (Interval.HOUR_1, Interval.DAY_1):
        found = asked("now-30d", interval=interval)

        assert found.cost(7 * found.granularity.width) == points(found) + 7


def test_from_is_floored_to_its_bucket_and_to_is_at_most_now() -> None:
    found = asked("2026-11-20T12:34:56Z", "now+5d", Interval.HOUR_1)

    assert (found.window.start, found.window.end) == (datetime(2026, 11, 20, 12, tzinfo=UTC), NOW)


@pytest.mark.parametrize("interval", [Interval.HOUR_1, Interval.HOUR_4, Interval.HOUR_12])
def test_the_daily_store_has_no_intervals_of_hours(interval: Interval) -> None:
    with pytest.raises(ApiError) as refused:
        asked("now-7d", interval=interval, granularity=Granularity.DAILY)
    assert (refused.value.code, refused.value.field) == (Code.BAD_INPUT, ["granularity"])


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("now", "now"),
        ("now", "now-1h"),
        ("now-1h", "now-2h"),
        ("now-1h", "now-1h"),
        ("now+1h", "now+2h"),
        ("2009-01-02T23:59:59Z", "now"),
        ("0001-01-01T00:00:00Z", "now"),
        ("now-999999y", "now"),
        ("now-7d", "now-999999y"),
        ("now-7d", "now+999999y"),
    ],
)
def test_empty_inverted_future_and_absurd_ranges_are_refused(start: str, end: str) -> None:
    with pytest.raises(ApiError) as refused:
        asked(start, end)
    assert refused.value.code is Code.RANGE_INVALID


@pytest.mark.parametrize(
    ("interval", "start"),
    [
        (Interval.HOUR_1, datetime(2009, 1, 3, tzinfo=UTC)),
        (Interval.DAY_1, datetime(2009, 1, 3, tzinfo=UTC)),
        (Interval.WEEK_1, datetime(2008, 12, 29, tzinfo=UTC)),
        (Interval.YEAR_1, datetime(2009, 1, 1, tzinfo=UTC)),
    ],
)
def test_the_first_block_is_the_earliest_beginning(interval: Interval, start: datetime) -> None:
    assert asked("2009-01-03T00:00:00Z", interval=interval).window.start == start
