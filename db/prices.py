"""Stored prices: the upsert that respects ranks and keeps what it replaces, and the newest sample of each series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from db.pool import Connection
from db.series import Granularity, Series
from db.versions import SETTLED


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


@dataclass(frozen=True, slots=True)
class Written:
    inserted: int = 0
    corrected: int = 0
    unchanged: int = 0

    def __add__(self, other: Written) -> Written:
        return Written(
            self.inserted + other.inserted, self.corrected + other.corrected, self.unchanged + other.unchanged
        )


# `old` is read under the series lock of upsert_points, so that the counts are exact. A weaker source never overwrites
# a better one, the same one corrects itself. A better one takes over even with equal values, or a weaker one could
# change them later; that too is a revision, so that what the weaker one said is kept. A provisional point only fills a
# hole, and what confirms it makes no revision. The hole that a point left when it was taken back counts as a revision.
# What somebody deletes meanwhile comes back as the revision that it would have become.
# `renewed`: see db.versions.
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
           case when o.ts is null
                then coalesce((select max(v.revision) + 2 from price_revisions v
                               where v.coin_id = %(coin)s and v.currency_id = %(currency)s
                                 and v.granularity = %(granularity)s and v.ts = i.ts), 0)
                else o.revision + (not o.provisional)::int end
    from incoming i left join old o using (ts)
    where o.ts is null or i.ts in (select ts from changed)
    on conflict (coin_id, currency_id, ts) do update
        set price = excluded.price, market_cap = excluded.market_cap, volume_24h = excluded.volume_24h,
            high = excluded.high, low = excluded.low, observed_at = excluded.observed_at,
            provider_id = excluded.provider_id, provisional = excluded.provisional,
            revision = p.revision + (not p.provisional)::int
), renewed as (
    insert into series_versions (coin_id, currency_id, granularity)
    values (%(coin)s, %(currency)s, %(granularity)s)
    on conflict (coin_id, currency_id, granularity) do update set version = excluded.version
        where exists (select from incoming i left join old o using (ts)
                      where i.ts < %(settled)s and (o.ts is null or i.ts in (select ts from changed)))
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
        "settled": now - SETTLED,
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
