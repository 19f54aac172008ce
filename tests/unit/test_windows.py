"""Windows are sets of hours, written short."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from db.series import EPOCH, HOUR, Window
from db.windows import clip, merge, subtract

HOURS = 40


@st.composite
def window(draw: st.DrawFn) -> Window:
    start = draw(st.integers(0, HOURS - 1))
    return Window(EPOCH + start * HOUR, EPOCH + draw(st.integers(start + 1, HOURS)) * HOUR)


WINDOWS = st.lists(window(), max_size=8)


def hours(windows: list[Window]) -> set[datetime]:
    return {one.start + HOUR * i for one in windows for i in range(one.buckets(HOUR))}


def apart(windows: list[Window]) -> bool:
    """In order, with room between them."""
    return all(before.end < after.start for before, after in pairwise(windows))


@given(WINDOWS)
def test_merged_windows_hold_the_same_hours_in_as_few_windows_as_possible(windows: list[Window]) -> None:
    merged = merge(windows)

    assert hours(merged) == hours(windows)
    assert apart(merged)


@given(WINDOWS, WINDOWS)
def test_what_is_left_are_the_hours_that_are_not_taken(windows: list[Window], taken: list[Window]) -> None:
    left = subtract(merge(windows), taken)

    assert hours(left) == hours(windows) - hours(taken)
    assert all(one.start < one.end for one in left)
    assert left == sorted(left)
    assert hours(subtract(windows, taken)) == hours(left)


@given(WINDOWS, window())
def test_clipped_windows_hold_the_hours_inside_the_limits(windows: list[Window], limits: Window) -> None:
    clipped = clip(windows, limits)

    assert hours(clipped) == hours(windows) & hours([limits])
    assert all(one.start < one.end for one in clipped)


class Counted(datetime):
    """Counts how often instants are compared by order."""

    comparisons = 0

    def __lt__(self, other: Any) -> bool:
        Counted.comparisons += 1
        return super().__lt__(other)

    def __le__(self, other: Any) -> bool:
        Counted.comparisons += 1
        return super().__le__(other)

    def __gt__(self, other: Any) -> bool:
        Counted.comparisons += 1
        return super().__gt__(other)


def comparisons(count: int) -> int:
    """Of so many windows, less so many others."""
    origin = Counted(2020, 1, 1, tzinfo=UTC)
    windows = [Window(origin + 3 * i * HOUR, origin + (3 * i + 2) * HOUR) for i in range(count)]
    taken = [Window(one.start + HOUR, one.end + HOUR) for one in windows]
    Counted.comparisons = 0
    assert len(subtract(windows, taken)) == count
    return Counted.comparisons


def test_ten_times_the_windows_are_ten_times_the_work() -> None:
    assert 0 < comparisons(2000) < 11 * comparisons(200)
