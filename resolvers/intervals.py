"""Intervals: the distance of two points, from an hour to a year, always on UTC boundaries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from db.candle_query import Step
from db.series import DAY, HOUR, Granularity, Window

# The Monday that weeks are counted from (ISO 8601: a week begins on Monday).
_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
_WEEK = timedelta(weeks=1)


class Interval(StrEnum):
    AUTO = "AUTO"
    HOUR_1 = "HOUR_1"
    HOUR_4 = "HOUR_4"
    HOUR_12 = "HOUR_12"
    DAY_1 = "DAY_1"
    WEEK_1 = "WEEK_1"
    MONTH_1 = "MONTH_1"
    QUARTER_1 = "QUARTER_1"
    YEAR_1 = "YEAR_1"

    @property
    def step(self) -> Step:
        """How its buckets follow each other; AUTO has none."""
        return _STEPS[self]

    @property
    def granularity(self) -> Granularity:
        """The store that answers unless another one is asked for."""
        return Granularity.HOURLY if self in _HOURS else Granularity.DAILY

    def floor(self, instant: datetime) -> datetime:
        """The start of the bucket that holds the instant."""
        step = self.step
        if isinstance(step, timedelta):
            return floor_from_monday(instant, step)
        day = instant.replace(hour=0, minute=0, second=0, microsecond=0)
        return day.replace(month=(day.month - 1) // step * step + 1, day=1)

    def after(self, start: datetime, count: int = 1) -> datetime:
        """The start of the bucket `count` buckets behind the one that begins at `start`."""
        step = self.step
        if isinstance(step, timedelta):
            return start + step * count
        years, month = divmod(start.month - 1 + step * count, 12)
        return start.replace(year=start.year + years, month=month + 1)

    def buckets(self, window: Window) -> int:
        """How many buckets begin in a window that starts on a bucket."""
        if window.start >= window.end:
            return 0
        last = self.floor(window.end - timedelta(microseconds=1))
        step = self.step
        if isinstance(step, timedelta):
            return (last - window.start) // step + 1
        return ((last.year - window.start.year) * 12 + last.month - window.start.month) // step + 1

    def starts(self, first: datetime, count: int) -> list[datetime]:
        """The starts of so many buckets, from the one that begins at `first` on."""
        step = self.step
        if isinstance(step, timedelta):
            return [first + step * i for i in range(count)]
        return [self.after(first, i) for i in range(count)]


def floor_from_monday(instant: datetime, length: timedelta) -> datetime:
    """Of stretches of this length, one after the other from that Monday on, the start of the one with the instant."""
    return instant - (instant - _MONDAY) % length


# A length, or a number of months.
_STEPS: dict[Interval, Step] = {
    Interval.HOUR_1: HOUR,
    Interval.HOUR_4: 4 * HOUR,
    Interval.HOUR_12: 12 * HOUR,
    Interval.DAY_1: DAY,
    Interval.WEEK_1: _WEEK,
    Interval.MONTH_1: 1,
    Interval.QUARTER_1: 3,
    Interval.YEAR_1: 12,
}
# From the smallest to the largest, as AUTO tries them.
INTERVALS = tuple(_STEPS)
_HOURS = frozenset({Interval.HOUR_1, Interval.HOUR_4, Interval.HOUR_12})
