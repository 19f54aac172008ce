"""Conversion at read time: every point with the rate of its own time, or the last one before; never a later one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from db.candles import Conversion
from db.pool import Connection
from db.rates import Rate, RatePair, list_rates
from db.series import Granularity, Window
from db.windows import merge

# Over a hole in the rate's own series the last rate before it stands in, for so long; then there is no value.
MAX_RATE_AGE = timedelta(days=3)


def last_rate(rates: Sequence[Rate], at: datetime) -> Rate | None:
    """The newest rate, of a list in order of time, that is no later than `at` and not too old."""
    place = bisect_right(rates, at, key=lambda rate: rate.ts)
    found = rates[place - 1] if place else None
    return found if found and at - found.ts <= MAX_RATE_AGE else None


def convert_times(rates: Sequence[Rate], times: Iterable[datetime]) -> Conversion:
    """The rate of each time that has one."""
    found = [(time, rate) for time in times if (rate := last_rate(rates, time))]
    return Conversion([time for time, _ in found], [rate.rate for _, rate in found], [rate.ts for _, rate in found])


async def load_rates(
    connection: Connection, pair: RatePair, granularity: Granularity, windows: Iterable[Window]
) -> list[Rate]:
    """The rates that points inside the windows can need: those of the time before are among them."""
    reaching_back = [Window(window.start - MAX_RATE_AGE, window.end) for window in windows]
    return await list_rates(connection, pair, granularity, merge(reaching_back))
