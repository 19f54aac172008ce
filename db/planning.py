"""From holes to as few request windows as possible.

It lives below both the API, which says what a refresh will cost and records it in one transaction, and the workers,
which fetch; neither of them may import the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from db.series import DAY, EPOCH, Granularity, Series, Window, ceil, floor
from db.windows import clip, subtract

# CoinGecko answers hourly up to 90 days and daily above; the edges of a request take up to two days more than the
# window (db.planning plans buckets, the provider client adds the edges), so 80 leaves room.
HOURLY_SPAN = timedelta(days=80)
DAILY_SPAN = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """One request: the buckets of `window` that one answer can fill.

    An HOURLY task also fills the days that begin on a day it touches: see `days_of`.
    """

    series: Series
    granularity: Granularity
    window: Window


def plan_series(series: Series, hourly: Sequence[Window], daily: Sequence[Window]) -> list[PlannedTask]:
    """Cover the holes of one series, newest first. Every window holds a hole, and no hole is in two windows."""
    hours = _cover(hourly, HOURLY_SPAN)
    tasks = [PlannedTask(series, Granularity.HOURLY, window) for window in hours]
    rest = subtract(daily, [days_of(window) for window in hours])
    return tasks + [PlannedTask(series, Granularity.DAILY, window) for window in _cover(rest, DAILY_SPAN)]


def days_of(hourly: Window) -> Window:
    """The daily buckets that an hourly window gives too: its request begins at midnight of its first day."""
    return Window(floor(hourly.start, DAY), ceil(hourly.end, DAY))


def _cover(holes: Sequence[Window], span: timedelta) -> list[Window]:
    """The fewest windows of at most `span` that hold all holes, shrunk to them; newest first.

    Long holes are cut at midnights, so that two refreshes at different hours cut them alike.
    """
    windows: list[Window] = []
    left = sorted(holes)
    while left:
        reach = Window(ceil(left[-1].end, DAY) - span, left[-1].end)
        inside = clip(left, reach)
        windows.append(Window(inside[0].start, reach.end))
        left = subtract(left, [reach])
    return windows


def oldest_allowed(now: datetime, reach_days: int | None) -> datetime:
    """The first midnight that a plan with so many days of history answers for, with a day of margin."""
    if reach_days is None:
        return EPOCH
    return ceil(now - timedelta(days=reach_days - 1), DAY)
