"""What is kept of closed history never takes more than it may, and is never what another version said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from db.series import DAY, HOUR, Window
from resolvers.blocks import BLOCK_POINTS, BlockCache, whole_blocks
from resolvers.intervals import INTERVALS, Interval

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
LIMIT = 10_000
starts = st.integers(0, 9).map(lambda days: MIDNIGHT + days * DAY)
blocks = st.dictionaries(starts, st.binary(min_size=1, max_size=3_000), min_size=1, max_size=4)
steps = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 3), blocks), max_size=30)


@given(steps)
def test_it_holds_what_was_kept_last_of_one_version_within_its_limit(
    steps: list[tuple[str, int, dict[datetime, bytes]]],
) -> None:
    cache = BlockCache(LIMIT)
    expected: dict[str, tuple[int, dict[datetime, bytes]]] = {}
    for key, version, given_blocks in steps:
        cache.keep(key, version, given_blocks)
        before = expected.get(key, (version, {}))
        expected[key] = (version, (before[1] if before[0] == version else {}) | given_blocks)

        assert cache.size <= LIMIT
        found = {one: entry for one in "abc" if (entry := cache.find(one))}
        assert sum(len(block) for entry in found.values() for block in entry.blocks.values()) <= LIMIT
        for one, entry in found.items():
            of_version, of_blocks = expected[one]
            assert entry.version == of_version
            assert entry.blocks.items() <= of_blocks.items()


def test_what_was_not_asked_for_the_longest_makes_room() -> None:
    cache = BlockCache(LIMIT)
    for key in "ab":
        cache.keep(key, 1, {MIDNIGHT: b"x" * 3_000})
    cache.find("a")

    cache.keep("c", 1, {MIDNIGHT: b"x" * 3_000})

    assert [cache.find(key) is not None for key in "abc"] == [True, False, True]


def test_nothing_is_kept_without_room() -> None:
    cache = BlockCache(0)
    cache.keep("a", 1, {MIDNIGHT: b"x"})

    assert not cache.enabled
    assert cache.find("a") is None


@given(st.sampled_from(INTERVALS), st.integers(0, 5_000), st.integers(1, 5_000), st.integers(0, 9_000))
def test_closed_blocks_lie_whole_inside_the_range_and_ended_two_days_ago(
    interval: Interval, start: int, length: int, age: int
) -> None:
    window = Window(interval.floor(MIDNIGHT + start * HOUR), MIDNIGHT + (start + length) * HOUR)
    now = window.end + timedelta(minutes=20 * age)

    found = whole_blocks(window, interval, now).windows

    for block in found:
        assert window.start <= block.start
        assert block.end <= min(window.end, now - timedelta(hours=48))
        assert interval.buckets(block) == BLOCK_POINTS
    assert all(one.end == other.start for one, other in pairwise(found))
    if interval is Interval.HOUR_1:
        assert all(block.start.hour == 0 for block in found)
