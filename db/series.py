"""The words of the store: granularity, window, series; and the arithmetic of buckets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
# How long a bucket that has ended may still change: every answer that reaches to now is compared that far back.
RECHECK = timedelta(hours=48)


class Granularity(StrEnum):
    """The two hypertables."""

    HOURLY = "HOURLY"
    DAILY = "DAILY"

    @property
    def width(self) -> timedelta:
        return HOUR if self is Granularity.HOURLY else DAY

    @property
    def table(self) -> str:
        return "price_hourly" if self is Granularity.HOURLY else "price_daily"


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Half-open `[start, end)`, UTC."""

    start: datetime
    end: datetime

    def overlaps(self, other: Window) -> bool:
        return max(self.start, other.start) < min(self.end, other.end)

    def intersection(self, other: Window) -> Window:
        return Window(max(self.start, other.start), min(self.end, other.end))

    def buckets(self, width: timedelta) -> int:
        """How many buckets begin inside."""
        return max(0, -((ceil(self.start, width) - self.end) // width))


@dataclass(frozen=True, slots=True, order=True)
class Series:
    coin_id: int
    currency_id: int


def floor(instant: datetime, width: timedelta) -> datetime:
    """The start of the UTC bucket that holds the instant."""
    return instant - (instant - EPOCH) % width


def ceil(instant: datetime, width: timedelta) -> datetime:
    """The first bucket start at or after the instant."""
    return instant + (EPOCH - instant) % width


def nearest(instant: datetime, width: timedelta) -> datetime:
    """The bucket start nearest to the instant; half-way goes to the later one."""
    return floor(instant + width / 2, width)


def complete(window: Window, now: datetime, width: timedelta) -> Window:
    """The part of a window, in whole buckets, whose buckets have ended: what can be expected to be stored."""
    start = floor(window.start, width)
    return Window(start, max(start, min(ceil(window.end, width), floor(now, width))))
