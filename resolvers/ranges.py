"""Ranges and intervals: what a client asks for becomes the buckets that answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from db.series import HOUR, Granularity, Window, complete, floor
from resolvers.errors import ApiError, Code
from resolvers.instants import Instant

# AUTO takes the smallest interval that needs no more points than this.
AUTO_POINTS = 500
# The first bitcoin block; nothing had a price before.
_FIRST_BLOCK = datetime(2009, 1, 3, tzinfo=UTC)


class Interval(StrEnum):
    AUTO = "AUTO"
    HOUR_1 = "HOUR_1"
    DAY_1 = "DAY_1"

    @property
    def granularity(self) -> Granularity:
        """The table that answers."""
        return Granularity.DAILY if self is Interval.DAY_1 else Granularity.HOURLY


@dataclass(frozen=True, slots=True)
class Asked:
    """A range as it will be answered: `window` is what the client gets back as `range`; `next_from` is set when the
    range held more points than the limit.
    """

    window: Window
    interval: Interval
    next_from: datetime | None

    @property
    def granularity(self) -> Granularity:
        return self.interval.granularity

    @property
    def buckets(self) -> int:
        return self.window.buckets(self.granularity.width)

    def times(self, now: datetime) -> list[datetime]:
        """The start of every bucket that has begun."""
        width = self.granularity.width
        end = min(self.window.end, now)
        count = Window(self.window.start, end).buckets(width)
        return [self.window.start + width * i for i in range(count)]


def settle(now: datetime, start: Instant, end: Instant, interval: Interval, max_points: int) -> Asked:
    """Settle range and interval; RANGE_INVALID when they make no sense."""
    window = resolve_range(now, start, end)
    if interval is Interval.AUTO:
        hours = Window(floor(window.start, HOUR), window.end).buckets(HOUR)
        interval = Interval.HOUR_1 if hours <= AUTO_POINTS else Interval.DAY_1
    width = interval.granularity.width
    window = Window(floor(window.start, width), window.end)
    limit = window.start + width * max_points
    if limit >= window.end:
        return Asked(window, interval, None)
    return Asked(Window(window.start, limit), interval, limit)


def resolve_range(now: datetime, start: Instant, end: Instant) -> Window:
    """`[from, to)` with `to` no later than now."""
    window = Window(start.resolve(now), min(end.resolve(now), now))
    if window.start >= now:
        raise ApiError(Code.RANGE_INVALID, "`from` lies in the future; the range must begin before now", field=["from"])
    if window.start >= window.end:
        raise ApiError(Code.RANGE_INVALID, "`from` must be earlier than `to`", field=["from"])
    if window.start < _FIRST_BLOCK:
        raise ApiError(
            Code.RANGE_INVALID,
            "`from` must not be earlier than 2009-01-03, when there was nothing to price",
            field=["from"],
        )
    return window


def history_window(now: datetime, granularity: Granularity, days: int) -> Window:
    """The window that a refresh keeps filled."""
    start = floor(now, granularity.width) - timedelta(days=days)
    return complete(Window(start, now), now, granularity.width)
