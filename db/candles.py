"""What is stored, as candles: read in one statement for many coins, converted on the way if need be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from psycopg import sql

from db.pool import Connection
from db.series import Granularity, Window


class CandleRow(NamedTuple):
    """What is stored of one bucket, from one stored point or several.

    `price` is the first one's, as are volume, market cap, provider and `observed_at`; `close` is the last one's, seen
    at `closed_at` and given by `closed_by`; `high` and `low` are the extremes known. `revision` counts the changes of
    all; `provisional` says that one of them waits for a better answer. With a conversion, `fx_rate` and `fx_rate_at`
    are the first one's.
    """

    coin_id: int
    ts: datetime
    price: float
    high: float
    low: float
    close: float
    volume_24h: float | None
    market_cap: float | None
    samples: int
    provisional: bool
    observed_at: datetime
    closed_at: datetime
    provider_id: int
    closed_by: int
    revision: int
    fx_rate: float | None
    fx_rate_at: datetime | None


@dataclass(frozen=True, slots=True)
class Conversion:
    """Rates that prices are multiplied by: one for each stored bucket that has one, with the time each is from."""

    times: Sequence[datetime]
    rates: Sequence[float]
    rated_at: Sequence[datetime]


# How buckets follow each other: a length, or a number of months.
Step = timedelta | int


_POINTS = sql.SQL("""
select p.coin_id, p.ts, p.price, greatest(p.high, p.price) as high, least(p.low, p.price) as low, p.price as close,
       p.volume_24h, p.market_cap, 1 as samples, p.provisional, p.observed_at, p.observed_at as closed_at,
       p.provider_id, p.provider_id as closed_by, p.revision, null::float8 as fx_rate, null::timestamptz as fx_rate_at
from {table} p
where p.coin_id = any(%(coins)s) and p.currency_id = %(currency)s and p.ts >= %(start)s and p.ts < %(end)s
""")
# Where there is no rate there is no value: the join leaves the point out.
_CONVERTED = sql.SQL("""
select p.coin_id, p.ts, p.price * r.rate as price, p.high * r.rate as high, p.low * r.rate as low,
       p.close * r.rate as close, p.volume_24h * r.rate as volume_24h, p.market_cap * r.rate as market_cap, p.samples,
       p.provisional, p.observed_at, p.closed_at, p.provider_id, p.closed_by, p.revision, r.rate as fx_rate,
       r.rated_at as fx_rate_at
from ({points}) p
join unnest(%(times)s::timestamptz[], %(rates)s::float8[], %(rated_at)s::timestamptz[]) as r (ts, rate, rated_at)
    using (ts)
""")
_CANDLES = sql.SQL("""
select p.coin_id, {bucket} as ts, (array_agg(p.price order by p.ts))[1] as price, max(p.high), min(p.low),
       (array_agg(p.price order by p.ts))[count(*)], (array_agg(p.volume_24h order by p.ts))[1],
       (array_agg(p.market_cap order by p.ts))[1], count(*)::int, bool_or(p.provisional),
       (array_agg(p.observed_at order by p.ts))[1], (array_agg(p.observed_at order by p.ts))[count(*)],
       (array_agg(p.provider_id order by p.ts))[1], (array_agg(p.provider_id order by p.ts))[count(*)],
       sum(p.revision)::int,
       (array_agg(p.fx_rate order by p.ts))[1], (array_agg(p.fx_rate_at order by p.ts))[1]
from ({points}) p group by p.coin_id, {bucket}
""")
# 1970-01-05 was a Monday.
_BINNED = sql.SQL("date_bin(%(step)s, p.ts, '1970-01-05T00:00:00Z'::timestamptz)")
_MONTHS = {1: "month", 3: "quarter", 12: "year"}


async def list_candles(
    connection: Connection,
    coin_ids: Sequence[int],
    currency_id: int,
    granularity: Granularity,
    window: Window,
    step: Step,
    conversion: Conversion | None = None,
) -> list[CandleRow]:
    """What is stored inside the window, by coin and time, in buckets of `step`."""
    points = _POINTS.format(table=sql.Identifier(granularity.table))
    parameters: dict[str, object] = {
        "coins": list(coin_ids),
        "currency": currency_id,
        "start": window.start,
        "end": window.end,
        "step": step,
    }
    if conversion:
        points = _CONVERTED.format(points=points)
        parameters |= {"times": conversion.times, "rates": conversion.rates, "rated_at": conversion.rated_at}
    query = points if step == granularity.width else _CANDLES.format(points=points, bucket=_bucket(step))
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(query + sql.SQL(" order by coin_id, ts"), parameters)
        return [CandleRow._make(row) for row in await cursor.fetchall()]


def _bucket(step: Step) -> sql.Composable:
    if isinstance(step, timedelta):
        return _BINNED
    return sql.SQL("date_trunc({}, p.ts, 'UTC')").format(_MONTHS[step])
