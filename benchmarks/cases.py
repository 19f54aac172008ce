"""What is asked: five questions, each of which every contender understands in its own language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from benchmarks.data import RATE_CURRENCY, Size
from db.series import DAY, Granularity, Window

_YEAR = 365 * DAY


@dataclass(frozen=True)
class Histories:
    """Time, price, market cap and volume of every bucket of a window."""

    coins: Sequence[str]
    currency: str
    granularity: Granularity
    window: Window
    coverage: bool = False

    @property
    def rows(self) -> int:
        """Of a whole answer: a point for each bucket, and a line of coverage for each coin."""
        return len(self.coins) * (self.window.buckets(self.granularity.width) + self.coverage)


@dataclass(frozen=True)
class LatestPrices:
    """Slug, symbol, newest price and its time."""

    coins: Sequence[str]
    currency: str = "usd"

    @property
    def rows(self) -> int:
        return len(self.coins)


Question = Histories | LatestPrices


@dataclass(frozen=True)
class Case:
    name: str
    says: str
    question: Question


def make_cases(size: Size, now: datetime) -> list[Case]:
    """The questions about data of that size, as it was stored at `now`."""
    hours = size.window(Granularity.HOURLY, now)
    days = _last(size.window(Granularity.DAILY, now), _YEAR)
    many, one = size.coins[:11], size.coins[:1]
    hourly, daily = Granularity.HOURLY, Granularity.DAILY
    return [
        Case("h11", f"{len(many)} coins, {_count(hours, hourly)} hours", Histories(many, "usd", hourly, hours)),
        Case("h1", f"1 coin, {_count(hours, hourly)} hours", Histories(one, "usd", hourly, hours)),
        Case("d365", f"1 coin, {_count(days, daily)} days", Histories(one, "usd", daily, days)),
        Case("light", f"{len(many)} coins, the latest price", LatestPrices(many)),
        Case(
            "c20",
            f"{len(size.coins)} coins, {_count(hours, hourly)} hours, converted to {RATE_CURRENCY}, with coverage",
            Histories(size.coins, RATE_CURRENCY, hourly, hours, coverage=True),
        ),
    ]


def _last(window: Window, length: timedelta) -> Window:
    return Window(max(window.start, window.end - length), window.end)


def _count(window: Window, granularity: Granularity) -> int:
    return window.buckets(granularity.width)
