"""From holes to windows: everything is covered, nothing for no reason, and as few requests as can be."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.planning import (
    DAILY_SPAN,
    HOURLY_SPAN,
    PlannedTask,
    days_of,
    oldest_allowed,
    plan_series,
)
from db.series import DAY, EPOCH, HOUR, Granularity, Series, Window, floor
from db.windows import clip, subtract

START = datetime(2023, 1, 1, tzinfo=UTC)
BITCOIN = Series(1, 1)


def runs(buckets: Iterable[int], width: timedelta) -> list[Window]:
    """Windows of adjacent buckets, counted from START."""
    windows: list[Window] = []
    for bucket in sorted(buckets):
        start = START + bucket * width
        if windows and windows[-1].end == start:
            start = windows.pop().start
        windows.append(Window(start, START + (bucket + 1) * width))
    return windows


def buckets(windows: Iterable[Window], width: timedelta) -> set[datetime]:
    return {window.start + index * width for window in windows for index in range(window.buckets(width))}


def stretches(most: int, longest: int) -> st.SearchStrategy[set[int]]:
    """Holes as they occur: single buckets, and long stretches that no window can hold."""
    stretch = st.tuples(st.integers(0, most), st.integers(1, longest))
    return st.lists(stretch, max_size=8).map(lambda parts: {start + i for start, size in parts for i in range(size)})


hourly_holes = stretches(300 * 24, 120 * 24).map(lambda found: runs(found, HOUR))
daily_holes = stretches(1100, 400).map(lambda found: runs(found, DAY))


def fewest(holes: Iterable[Window], span: timedelta, width: timedelta) -> int:
    """By brute force, from the other end: how many groups of `span` days in a row hold every day with a hole."""
    days = sorted({floor(bucket, DAY) for bucket in buckets(holes, width)})
    groups = 0
    while days:
        groups += 1
        days = [day for day in days if day >= days[0] + span]
    return groups


def of(tasks: Iterable[PlannedTask], granularity: Granularity) -> list[Window]:
    return [task.window for task in tasks if task.granularity is granularity]


@given(hourly_holes)
def test_hourly_windows_hold_every_hole_in_as_few_requests_as_possible(holes: list[Window]) -> None:
    windows = of(plan_series(BITCOIN, holes, []), Granularity.HOURLY)

    assert buckets(holes, HOUR) <= buckets(windows, HOUR)
    assert all(window.end - window.start <= HOURLY_SPAN for window in windows)
    assert len(windows) == fewest(holes, HOURLY_SPAN, HOUR)


@given(hourly_holes)
def test_every_window_begins_and_ends_with_a_hole_and_none_overlap(holes: list[Window]) -> None:
    windows = of(plan_series(BITCOIN, holes, []), Granularity.HOURLY)

    missing = buckets(holes, HOUR)
    assert all(window.start in missing and window.end - HOUR in missing for window in windows)
    assert all(newer.start >= older.end for newer, older in pairwise(windows))


@given(hourly_holes, daily_holes)
def test_daily_windows_hold_the_days_that_no_hourly_window_brings(hourly: list[Window], daily: list[Window]) -> None:
    tasks = plan_series(BITCOIN, hourly, daily)

    brought = buckets((days_of(window) for window in of(tasks, Granularity.HOURLY)), DAY)
    windows = of(tasks, Granularity.DAILY)
    left = buckets(daily, DAY) - brought
    assert left <= buckets(windows, DAY)
    assert all(window.start in left and window.end - DAY in left for window in windows)
    assert all(window.end - window.start <= DAILY_SPAN for window in windows)
    assert len(windows) == fewest(runs(((day - START) // DAY for day in left), DAY), DAILY_SPAN, DAY)


@pytest.mark.parametrize(("days", "requests"), [(1, 1), (365, 1), (366, 2), (730, 2), (3 * 365, 3), (10 * 365, 10)])
def test_days_cost_one_request_a_series_and_year(days: int, requests: int) -> None:
    hole = Window(START, START + timedelta(days=days))
    assert len(plan_series(BITCOIN, [], [hole])) == requests


def test_ninety_days_of_hours_and_days_cost_two_requests_a_series() -> None:
    hole = Window(START, START + timedelta(days=90))
    assert len(plan_series(BITCOIN, [hole], [hole])) == 2


@given(st.integers(0, 23), st.integers(0, 23))
def test_two_refreshes_at_different_hours_cut_old_holes_alike(one: int, two: int) -> None:
    def cuts(hour: int) -> list[Window]:
        end = START + timedelta(days=300, hours=hour + 1)
        return of(plan_series(BITCOIN, [Window(START, end)], []), Granularity.HOURLY)

    assert cuts(one)[1:] == cuts(two)[1:]


@given(daily_holes, daily_holes)
def test_subtract_leaves_exactly_what_was_not_taken(windows: list[Window], taken: list[Window]) -> None:
    left = subtract(windows, taken)
    assert buckets(left, DAY) == buckets(windows, DAY) - buckets(taken, DAY)
    assert left == sorted(left)
    assert all(window.start < window.end for window in left)


@given(daily_holes, st.integers(0, 1500), st.integers(0, 500))
def test_clip_leaves_exactly_what_is_inside(windows: list[Window], start: int, size: int) -> None:
    limits = Window(START + start * DAY, START + (start + size) * DAY)
    inside = clip(windows, limits)
    assert buckets(inside, DAY) == buckets(windows, DAY) & buckets([limits], DAY)
    assert all(window.start < window.end for window in inside)


@given(st.integers(0, 400 * 24 * 60))
def test_the_oldest_day_stays_within_the_plan_for_another_day(minutes: int) -> None:
    now = START + timedelta(minutes=minutes)
    oldest = oldest_allowed(now, 365)
    assert oldest == floor(oldest, DAY)
    assert timedelta(days=363) < now - oldest <= timedelta(days=364)


def test_a_plan_with_the_whole_history_has_no_oldest_day() -> None:
    assert oldest_allowed(START, None) == EPOCH
