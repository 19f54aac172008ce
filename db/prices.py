"""Stored prices: reading them, and the upsert that respects ranks and keeps what it replaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from psycopg import sql

from db.pool import Connection
from db.series import Granularity, Series, Window


@dataclass(frozen=True, slots=True)
class Point:
    """What a provider said about one bucket; money in the quote currency."""

    ts: datetime
    price: float
    observed_at: datetime
    market_cap: float | None = None
    volume_24h: float | None = None
    high: float | None = None
    low: float | None = None


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


class LatestRow(NamedTuple):
    """The newest sample of a series, whatever its bucket; `price_24h_ago` is what is stored of `hour_24h_ago`."""

    coin_id: int
    price: float
    market_cap: float | None
    volume_24h: float | None
    observed_at: datetime
    provider_id: int
    hour_24h_ago: datetime
    price_24h_ago: float | None


@dataclass(frozen=True, slots=True)
class Written:
    inserted: int = 0
    corrected: int = 0
    unchanged: int = 0

    def __add__(self, other: Written) -> Written:
        return Written(
            self.inserted + other.inserted, self.corrected + other.corrected, self.unchanged + other.unchanged
        )


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


_LATEST = """
select l.coin_id, l.price, l.market_cap, l.volume_24h, l.observed_at, l.provider_id, before.ts, p.price
from price_latest l
cross join lateral (select date_trunc('hour', l.observed_at - interval '23 hours 30 minutes', 'UTC') as ts) before
left join price_hourly p on p.coin_id = l.coin_id and p.currency_id = l.currency_id and p.ts = before.ts
where l.coin_id = any(%s) and l.currency_id = %s
"""


async def list_latest(connection: Connection, coin_ids: Sequence[int], currency_id: int) -> list[LatestRow]:
    """The newest sample of each series that has one. The day before is the hour nearest to 24 hours earlier."""
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_LATEST, (list(coin_ids), currency_id))
        return [LatestRow._make(row) for row in await cursor.fetchall()]


async def list_observed(connection: Connection, series: Sequence[Series]) -> dict[Series, datetime]:
    """The stamp of the newest sample of each series that has one."""
    cursor = await connection.execute(
        """
        select coin_id, currency_id, observed_at from price_latest
        join unnest(%s::int[], %s::smallint[]) as w (coin_id, currency_id) using (coin_id, currency_id)
        """,
        ([one.coin_id for one in series], [one.currency_id for one in series]),
    )
    return {Series(coin, currency): at for coin, currency, at in await cursor.fetchall()}


# `old` is read under the series lock of upsert_points, so that the counts are exact. A weaker source never overwrites
# a better one, the same one corrects itself. A better one takes over even with equal values, or a weaker one could
# change them later; that too is a revision, so that what the weaker one said is kept. A provisional point only fills a
# hole, and what confirms it makes no revision. The hole that a point left when it was taken back counts as a revision.
_UPSERT = """
with incoming as (
    select * from unnest(%(ts)s::timestamptz[], %(price)s::float8[], %(market_cap)s::float8[], %(volume)s::float8[],
                         %(high)s::float8[], %(low)s::float8[], %(observed_at)s::timestamptz[])
        as t (ts, price, market_cap, volume_24h, high, low, observed_at)
), old as (
    select p.*, r.rank from {table} p join providers r on r.id = p.provider_id
    where p.coin_id = %(coin)s and p.currency_id = %(currency)s and p.ts >= %(first)s and p.ts <= %(last)s
), changed as (
    select i.ts, o.provisional from incoming i join old o using (ts) join providers r on r.id = %(provider)s
    where not %(provisional)s
      and (o.provisional or r.rank < o.rank
           or r.rank = o.rank and (i.price, i.market_cap, i.volume_24h, i.high, i.low)
                                  is distinct from (o.price, o.market_cap, o.volume_24h, o.high, o.low))
), kept as (
    insert into price_revisions (coin_id, currency_id, granularity, ts, revision, price, market_cap, volume_24h,
                                 high, low, observed_at, provider_id, replaced_at)
    select o.coin_id, o.currency_id, %(granularity)s, o.ts, o.revision, o.price, o.market_cap, o.volume_24h,
           o.high, o.low, o.observed_at, o.provider_id, %(now)s
    from old o join changed using (ts) where not o.provisional
), written as (
    insert into {table} as p
        (coin_id, currency_id, ts, price, market_cap, volume_24h, high, low, observed_at, provider_id, provisional,
         revision)
    select %(coin)s, %(currency)s, i.ts, i.price, i.market_cap, i.volume_24h, i.high, i.low, i.observed_at,
           %(provider)s, %(provisional)s,
           coalesce((select max(v.revision) + 2 from price_revisions v
                     where v.coin_id = %(coin)s and v.currency_id = %(currency)s and v.granularity = %(granularity)s
                       and v.ts = i.ts), 0)
    from incoming i left join old o using (ts)
    where o.ts is null or i.ts in (select ts from changed)
    on conflict (coin_id, currency_id, ts) do update
        set price = excluded.price, market_cap = excluded.market_cap, volume_24h = excluded.volume_24h,
            high = excluded.high, low = excluded.low, observed_at = excluded.observed_at,
            provider_id = excluded.provider_id, provisional = excluded.provisional,
            revision = p.revision + (not p.provisional)::int
)
select (select count(*) from incoming i where not exists (select from old o where o.ts = i.ts))
         + (select count(*) from changed where provisional),
       (select count(*) from changed where not provisional)
"""


async def upsert_points(
    connection: Connection,
    series: Series,
    granularity: Granularity,
    provider_id: int,
    points: Sequence[Point],
    now: datetime,
    *,
    provisional: bool = False,
) -> Written:
    """Store points of one series; at most one a bucket. A replaced one raises `revision` and is kept.

    `provisional` points wait for a better answer: they fill holes only, and any later answer replaces them. One that is
    confirmed counts as inserted.
    """
    if not points:
        return Written()
    await lock_series(connection, series)
    query = sql.SQL(_UPSERT).format(table=sql.Identifier(granularity.table))
    parameters = {
        "coin": series.coin_id,
        "currency": series.currency_id,
        "provider": provider_id,
        "provisional": provisional,
        "granularity": granularity.value,
        "now": now,
        "first": min(p.ts for p in points),
        "last": max(p.ts for p in points),
        "ts": [p.ts for p in points],
        "price": [p.price for p in points],
        "market_cap": [p.market_cap for p in points],
        "volume": [p.volume_24h for p in points],
        "high": [p.high for p in points],
        "low": [p.low for p in points],
        "observed_at": [p.observed_at for p in points],
    }
    row = await (await connection.execute(query, parameters)).fetchone()
    assert row is not None
    inserted, corrected = row
    return Written(inserted, corrected, len(points) - inserted - corrected)


_UPSERT_LATEST = """
insert into price_latest as l (coin_id, currency_id, price, market_cap, volume_24h, observed_at, provider_id)
values (%s, %s, %s, %s, %s, %s, %s)
on conflict (coin_id, currency_id) do update
    set price = excluded.price, market_cap = excluded.market_cap, volume_24h = excluded.volume_24h,
        observed_at = excluded.observed_at, provider_id = excluded.provider_id
    where excluded.observed_at > l.observed_at
"""


async def upsert_latest(connection: Connection, series: Series, provider_id: int, sample: Point) -> None:
    """Keep the sample as the latest price if it is newer than the one that is there."""
    await connection.execute(
        _UPSERT_LATEST,
        (
            series.coin_id,
            series.currency_id,
            sample.price,
            sample.market_cap,
            sample.volume_24h,
            sample.observed_at,
            provider_id,
        ),
    )


async def lock_series(connection: Connection, series: Series) -> None:
    """One writer a series at a time, until the transaction ends."""
    await connection.execute("select pg_advisory_xact_lock(%s, %s)", (series.coin_id, series.currency_id))
