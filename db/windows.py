"""Sets of windows: joined, cut and taken apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter

from db.series import Window


def merge(windows: Iterable[Window]) -> list[Window]:
    """The same instants in as few windows as possible, oldest first."""
    merged: list[Window] = []
    for window in sorted(windows, key=attrgetter("start")):  # windows themselves are compared far slower
        if merged and window.start <= merged[-1].end:
            merged[-1] = Window(merged[-1].start, max(merged[-1].end, window.end))
        else:
            merged.append(window)
    return merged


def subtract(windows: Iterable[Window], taken: Iterable[Window]) -> list[Window]:
    """What is left of the windows outside the taken ones, oldest first; in one pass over both."""
    left: list[Window] = []
    cuts = merge(taken)
    first = 0
    for window in sorted(windows):
        start = window.start
        while first < len(cuts) and cuts[first].end <= start:
            first += 1
        place = first
        while place < len(cuts) and cuts[place].start < window.end:
            if cuts[place].start > start:
                left.append(Window(start, cuts[place].start))
            start = max(start, cuts[place].end)
            place += 1
        if start < window.end:
            left.append(Window(start, window.end))
    return left


def clip(windows: Sequence[Window], limits: Window) -> list[Window]:
    """The parts of the windows inside the limits."""
    return [window.intersection(limits) for window in windows if window.overlaps(limits)]
