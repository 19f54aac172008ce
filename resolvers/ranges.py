"""Ranges: what a client asks for becomes the buckets that answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from db.series import Granularity, Window, complete, floor
from resolvers.errors import ApiError, Code
from resolvers.instants import Instant
from resolvers.intervals import INTERVALS, Interval

# AUTO takes the smallest interval that needs no more points than this.
AUTO_POINTS = 500
# The first bitcoin block; nothing had a price before.
FIRST_BLOCK = datetime(2009, 1, 3, tzinfo=UTC)
# So that as many points as a series may have fit in one request at every interval, HOUR_12 of hours included.
_BUCKETS_A_POINT = 12


@dataclass(frozen=True, slots=True)
class Asked:
    """A range as it will be answered: `window` is what the client gets back as `range`; it begins on a bucket, and
    holds every bucket that begins inside. `next_from` is set when the range held more points than the limit.
    """

    window: Window
    interval: Interval
    granularity: Granularity
    next_from: datetime | None = None

    @property
    def combines(self) -> bool:
        """Whether a point is made of several stored buckets."""
        return self.interval.step != self.granularity.width

    def within(self, window: Window) -> Asked:
        """The part of it that begins in a window, which starts on a bucket."""
        return replace(self, window=self.window.intersection(window))

    @property
    def rows(self) -> Window:
        """The stored buckets that answer: those of the last bucket are among them to its end."""
        last = self.interval.after(self.window.start, self.interval.buckets(self.window) - 1)
        return Window(self.window.start, self.interval.after(last))

    def reach(self, lookback: timedelta) -> Window:
        """The stored buckets to read, when those of a time before are wanted too; before the first block are none."""
        rows = self.rows
        return Window(max(rows.start - lookback, min(rows.start, FIRST_BLOCK)), rows.end)

    def cost(self, lookback: timedelta) -> int:
        """In points; stored buckets that the database makes candles from cost less than points that are answered."""
        reach = self.reach(lookback)
        points = self.interval.buckets(Window(self.interval.floor(reach.start), self.window.end))
        return max(points, reach.buckets(self.granularity.width) // _BUCKETS_A_POINT)

    def count(self, now: datetime) -> int:
        """How many of the buckets have begun."""
        return self.interval.buckets(Window(self.window.start, min(self.window.end, now)))


def settle(
    now: datetime,
    start: Instant,
    end: Instant,
    interval: Interval,
    max_points: int,
    granularity: Granularity | None = None,
) -> Asked:
    """Settle range, interval and store; RANGE_INVALID or BAD_INPUT when they make no sense."""
    window = resolve_range(now, start, end)
    if interval is Interval.AUTO:
        interval = _smallest(window, granularity)
    if granularity is Granularity.DAILY and interval.granularity is Granularity.HOURLY:
        raise ApiError(
            Code.BAD_INPUT, f"{interval} needs the hourly store; leave `granularity` out", field=["granularity"]
        )
    window = Window(interval.floor(window.start), window.end)
    cut = interval.buckets(window) > max_points
    next_from = interval.after(window.start, max_points) if cut else None
    return Asked(
        Window(window.start, next_from or window.end), interval, granularity or interval.granularity, next_from
    )


def _smallest(window: Window, granularity: Granularity | None) -> Interval:
    """The smallest interval that needs at most AUTO_POINTS points, or the largest there is."""
    for interval in INTERVALS:
        fits = interval.buckets(Window(interval.floor(window.start), window.end)) <= AUTO_POINTS
        if fits and (granularity is not Granularity.DAILY or interval.granularity is Granularity.DAILY):
            return interval
    return INTERVALS[-1]


def resolve_range(now: datetime, start: Instant, end: Instant) -> Window:
    """`[from, to)` with `to` no later than now."""
    window = Window(start.resolve(now), min(end.resolve(now), now))
    if window.start >= now:
        raise ApiError(Code.RANGE_INVALID, "`from` lies in the future; the range must begin before now", field=["from"])
    if window.start >= window.end:
        raise ApiError(Code.RANGE_INVALID, "`from` must be earlier than `to`", field=["from"])
    if window.start < FIRST_BLOCK:
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
