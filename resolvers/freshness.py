"""Whether a series is as young as it should be, and if not, why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from db.series import HOUR, Granularity, Series, Window, floor
from resolvers.coverage import CoverageKey
from resolvers.gaps import GapReason
from resolvers.quotes import Quote

if TYPE_CHECKING:
    from resolvers.context import Context

# The default schedule observes every series once an hour; a missed one is no alarm yet.
_EXPECTED = {Granularity.HOURLY: 2 * HOUR, Granularity.DAILY: 26 * HOUR}


@dataclass(frozen=True, slots=True)
class FreshnessView:
    """`as_of`: the newest observation of the series; None when there is none."""

    as_of: datetime | None
    age: timedelta | None
    expected_within: timedelta
    is_stale: bool
    key: CoverageKey


def newest_buckets(coin_id: int, quote: Quote, granularity: Granularity, now: datetime) -> CoverageKey:
    """Of those that have ended: their gap says why a series is stale."""
    end = floor(now, granularity.width)
    newest = Window(end - 2 * granularity.width, end)
    return CoverageKey(Series(coin_id, quote.base.id), granularity, newest, quote.pair)


def judge_freshness(key: CoverageKey, as_of: datetime | None, now: datetime) -> FreshnessView:
    """The key is that of the newest buckets."""
    expected = _EXPECTED[key.granularity]
    age = now - as_of if as_of else None
    return FreshnessView(as_of, age, expected, age is None or age > expected, key)


def freshness_key(coin_id: int, quote: Quote, granularity: Granularity, now: datetime) -> CoverageKey:
    """What is read to tell how young the stored points are."""
    return replace(newest_buckets(coin_id, quote, granularity, now), observed=True)


async def resolve_freshness(context: Context, coin_id: int, quote: Quote, granularity: Granularity) -> FreshnessView:
    """How young the stored points are; what is converted is as old as the older of price and rate."""
    key = freshness_key(coin_id, quote, granularity, context.now)
    coverage = await context.coverage.load(key)
    return judge_freshness(key, coverage.observed_at, context.now)


async def resolve_stale_reason(context: Context, view: FreshnessView) -> GapReason | None:
    """Why the newest bucket is missing; None when the series is fresh, or nothing is missing."""
    if not view.is_stale:
        return None
    gaps = (await context.coverage.load(view.key)).explain(context.now)
    return gaps[-1].reason if gaps else None
