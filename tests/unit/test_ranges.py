"""What a client asks for becomes a range of whole buckets."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.series import DAY, HOUR, floor
from resolvers.errors import ApiError, Code
from resolvers.instants import Instant
from resolvers.ranges import Asked, Interval, settle

NOW = datetime(2026, 11, 20, 19, 37, 12, 345_678, tzinfo=UTC)


def asked(start: str, end: str = "now", interval: Interval = Interval.AUTO, max_points: int = 10_000) -> Asked:
    return settle(NOW, Instant.parse(start), Instant.parse(end), interval, max_points)


@given(st.integers(1, 3000 * 3600), st.integers(0, 100 * 3600))
def test_auto_is_hourly_while_that_needs_at_most_500_points(length: int, ago: int) -> None:
    start, end = NOW - timedelta(seconds=ago + length), NOW - timedelta(seconds=ago)

    found = asked(start.isoformat(), end.isoformat())

    hourly = asked(start.isoformat(), end.isoformat(), Interval.HOUR_1)
    assert found.interval is (Interval.HOUR_1 if hourly.buckets <= 500 else Interval.DAY_1)


def test_the_500th_hour_may_be_the_running_one() -> None:
    assert asked("now-499h").interval is Interval.HOUR_1
    assert asked("now-499h").buckets == 500
    assert asked("now-500h").interval is Interval.DAY_1


@given(
    st.integers(1, 40_000),
    st.sampled_from([Interval.HOUR_1, Interval.DAY_1]),
    st.integers(1, 50),
)
def test_the_parts_of_a_range_that_is_cut_join_without_gap_or_overlap(
    hours: int, interval: Interval, points: int
) -> None:
    width = interval.granularity.width
    start: datetime | None = NOW - timedelta(hours=hours)
    expected = asked(f"now-{hours}h", interval=interval, max_points=10**6).times(NOW)
    found: list[datetime] = []
    for _ in range(4):
        assert start is not None
        part = asked(start.isoformat(), interval=interval, max_points=points)
        assert part.buckets <= points
        assert part.window.start == floor(start, width)
        found += part.times(NOW)
        start = part.next_from
        if start is None:
            break
    assert found == expected[: 4 * points]
    assert (start is None) == (len(expected) <= 4 * points)


def test_from_is_floored_to_its_bucket_and_to_is_at_most_now() -> None:
    found = asked("2026-11-20T12:34:56Z", "now+5d", Interval.HOUR_1)

    assert (found.window.start, found.window.end) == (datetime(2026, 11, 20, 12, tzinfo=UTC), NOW)
    assert asked("2026-11-10T12:34:56Z", interval=Interval.DAY_1).window.start == datetime(2026, 11, 10, tzinfo=UTC)


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


def test_the_first_block_is_the_earliest_beginning() -> None:
    assert asked("2009-01-03T00:00:00Z", interval=Interval.DAY_1).window.start == datetime(2009, 1, 3, tzinfo=UTC)
    assert {interval.granularity.width for interval in (Interval.HOUR_1, Interval.DAY_1)} == {HOUR, DAY}
