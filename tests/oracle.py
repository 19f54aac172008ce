"""What a price history has to say, worked out bucket by bucket from the stored rows, with no regard to speed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from psycopg import sql

from db.pool import Database
from db.reference import PROVIDER_CODES
from db.series import DAY, HOUR, Granularity
from resolvers.intervals import Interval

_HOURS = {Interval.HOUR_1: 1, Interval.HOUR_4: 4, Interval.HOUR_12: 12}
MICROSECOND = timedelta(microseconds=1)
VALUES = ("price", "open", "high", "low", "close", "volume24h", "marketCap", "value")
MISSING: dict[str, Any] = dict.fromkeys((*VALUES, "provider", "observedAt", "fxRate", "fxRateAt")) | {
    "samples": 0,
    "revision": 0,
}


class Row(NamedTuple):
    """One stored bucket as it lies in the table; the last two once it was converted."""

    ts: datetime
    price: float
    high: float | None
    low: float | None
    volume: float | None
    market_cap: float | None
    provider_id: int
    provisional: bool
    observed_at: datetime
    revision: int
    rate: float | None = None
    rated_at: datetime | None = None


@dataclass(frozen=True)
class Ask:
    """The arguments of a history, as a client gives them; instants are ISO 8601."""

    start: datetime
    end: datetime
    interval: Interval
    granularity: Granularity
    gaps: str = "NULLS"
    carry_limit: timedelta | None = None
    final_only: bool = False


async def read_rows(database: Database, granularity: Granularity, coin_id: int, currency_id: int) -> list[Row]:
    query = sql.SQL(
        "select ts, price, high, low, volume_24h, market_cap, provider_id, provisional, observed_at, revision "
        "from {} where coin_id = %s and currency_id = %s order by ts"
    ).format(sql.Identifier(granularity.table))
    async with database.connection() as connection:
        rows = await (await connection.execute(query, (coin_id, currency_id))).fetchall()
    return [Row(*row) for row in rows]


def convert(rows: Sequence[Row], base: Sequence[Row], quote: Sequence[Row]) -> list[Row]:
    """Each row with the newest rate that is neither later nor more than three days older; the others are left out."""
    prices = {row.ts: row.price for row in base}
    rates = {row.ts: row.price / prices[row.ts] for row in quote if row.ts in prices}
    converted = []
    for row in rows:
        candidates = [row.ts - age * HOUR for age in range(3 * 24 + 1)]
        rated_at = next((ts for ts in candidates if ts in rates), None)
        if rated_at:
            converted.append(_times(row, rates[rated_at], rated_at))
    return converted


def _times(row: Row, rate: float, rated_at: datetime) -> Row:
    def times(value: float | None) -> float | None:
        return None if value is None else value * rate

    return row._replace(
        price=row.price * rate,
        high=times(row.high),
        low=times(row.low),
        volume=times(row.volume),
        market_cap=times(row.market_cap),
        rate=rate,
        rated_at=rated_at,
    )


def begins(start: datetime, interval: Interval) -> bool:
    """Whether a bucket begins with this hour, read off a calendar."""
    date = start.strftime("%m-%d")
    days = {
        Interval.DAY_1: True,
        Interval.WEEK_1: start.isoweekday() == 1,
        Interval.MONTH_1: start.day == 1,
        Interval.QUARTER_1: date in ("01-01", "04-01", "07-01", "10-01"),
        Interval.YEAR_1: date == "01-01",
    }
    return start.hour % _HOURS[interval] == 0 if interval in _HOURS else start.hour == 0 and days[interval]


def unit(interval: Interval) -> timedelta:
    """Every bucket is made of whole ones of these."""
    return HOUR if interval in _HOURS else DAY


def walk_back(instant: datetime, interval: Interval) -> datetime:
    start = instant.replace(minute=0, second=0, microsecond=0)
    if unit(interval) == DAY:
        start = start.replace(hour=0)
    while not begins(start, interval):
        start -= unit(interval)
    return start


def walk_on(start: datetime, interval: Interval) -> datetime:
    start += unit(interval)
    while not begins(start, interval):
        start += unit(interval)
    return start


def expected_points(rows: Sequence[Row], ask: Ask, now: datetime) -> list[dict[str, Any]]:
    """Under ERROR those of NULLS: a hole among them means that there is no answer."""
    points = []
    start = walk_back(ask.start, ask.interval)
    while start < min(ask.end, now):
        end = walk_on(start, ask.interval)
        inside = [row for row in rows if start <= row.ts < end]
        point = _candle(inside) if inside else _stand_in([row for row in rows if row.ts < start], start, ask)
        state = _state(inside, (end - start) // ask.granularity.width, end, now)
        running = end > now and not inside
        omitted = ask.gaps == "OMIT" and point["origin"] == "MISSING"
        if not running and not omitted and (state == "FINAL" or not ask.final_only):
            points.append({"time": start, "state": state} | point)
        start = end
    return points


def _candle(rows: Sequence[Row]) -> dict[str, Any]:
    first, last = rows[0], rows[-1]
    provider = PROVIDER_CODES[first.provider_id]
    origin = "MANUAL" if provider == "MANUAL" else "OBSERVED"
    return {
        "price": first.price,
        "open": first.price,
        "high": max(value for row in rows for value in (row.price, row.high) if value is not None),
        "low": min(value for row in rows for value in (row.price, row.low) if value is not None),
        "close": last.price,
        "volume24h": first.volume,
        "marketCap": first.market_cap,
        "value": first.price,
        "samples": len(rows),
        "origin": origin if first.rate is None else "DERIVED",
        "provider": provider,
        "observedAt": first.observed_at,
        "revision": sum(row.revision for row in rows),
        "fxRate": first.rate,
        "fxRateAt": first.rated_at,
    }


def _stand_in(before: Sequence[Row], start: datetime, ask: Ask) -> dict[str, Any]:
    limit = ask.carry_limit or (DAY if ask.granularity is Granularity.HOURLY else 7 * DAY)
    if ask.gaps != "CARRY" or not before or start - before[-1].observed_at > limit:
        return MISSING | {"origin": "MISSING"}
    last = before[-1]
    close = dict.fromkeys(("price", "open", "high", "low", "close", "value"), last.price)
    seen = {"provider": PROVIDER_CODES[last.provider_id], "observedAt": last.observed_at}
    return MISSING | close | seen | {"origin": "CARRIED"}


def _state(inside: Sequence[Row], whole: int, end: datetime, now: datetime) -> str:
    if end > now:
        return "PARTIAL"
    open_ = now - end < 48 * HOUR or len(inside) < whole or any(row.provisional for row in inside)
    return "PROVISIONAL" if open_ else "FINAL"


def count_lacking(rows: Sequence[Row], ask: Ask, now: datetime) -> int:
    """Buckets that have ended, or are settled if only such are asked for, without all of their samples."""
    known = {row.ts for row in rows}
    lacking = 0
    start = walk_back(ask.start, ask.interval)
    while start < min(ask.end, now):
        end = walk_on(start, ask.interval)
        width = ask.granularity.width
        whole = all(start + width * place in known for place in range((end - start) // width))
        lacking += end <= now - ask.final_only * 48 * HOUR and not whole
        start = end
    return lacking


def expected_coverage(rows: Sequence[Row], ask: Ask, now: datetime) -> dict[str, Any]:
    """Counted bucket by bucket; `missing` are the starts of the buckets that have no value."""
    width = ask.granularity.width
    bucket = start = walk_back(ask.start, ask.interval)
    end = walk_on(walk_back(ask.end - MICROSECOND, ask.interval), ask.interval)
    complete = []
    while bucket < end and bucket + width <= now:
        complete.append(bucket)
        bucket += width
    known = {row.ts for row in rows}
    stored = [one for one in complete if one in known]
    return {
        "range": {"from": start, "to": complete[-1] + width if complete else start},
        "expectedPoints": len(complete),
        "actualPoints": len(stored),
        "completeness": len(stored) / len(complete) if complete else 1,
        "firstPointAt": stored[0] if stored else None,
        "lastPointAt": stored[-1] if stored else None,
        "missing": [one for one in complete if one not in known],
    }
