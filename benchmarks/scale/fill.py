"""A store of any size, filled by the server itself: coins, hourly and daily points, latest prices.

The rows lie in the order that live ingest writes them, hour by hour and within the hour coin by coin: for reading one
coin that is the worst there is. Their keys are made afterwards, as bulk loads do.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
from psycopg import sql

from benchmarks.scale.progress import say
from benchmarks.scale.scale import Scale
from db.reference import PROVIDER_IDS
from db.series import DAY, Granularity

Connection = psycopg.Connection[tuple[object, ...]]


_COINS = """
insert into coins (slug, symbol, name, rank, tracked)
select 'coin-' || i, 's' || i, 'Coin ' || i, i, true from generate_series(1, %(coins)s) i
"""
# Waves, the longer the higher, and a little noise: as rough as a random walk, and the same in every database. A chunk's
# worth of them compresses about as real prices do, because no digit of a double is round.
_POINTS = """
insert into {table} (coin_id, currency_id, ts, price, market_cap, volume_24h, observed_at, provider_id)
select coin, 1, ts, price, price * 1e6 * coin, price * 4e4 * coin * (1.5 + sin(t / 7.0 + coin)),
       ts + interval '41 seconds', %(provider)s
from (select i %% %(coins)s + 1 as coin, %(start)s::timestamptz + i / %(coins)s * %(width)s::interval as ts
      from generate_series(0, %(rows)s - 1) i) place,
lateral (select extract(epoch from ts)::float8 / 3600 as t) hours,
lateral (select exp(coin %% 17 - 8 + 0.4 * sin(t / 1500 + coin) + 0.1 * sin(t / 170 + 2 * coin)
                    + 0.02 * sin(t / 19 + 3 * coin) + 0.003 * sin(t * t * coin)) as price) walk
"""
_VERSIONS = """
insert into series_versions (coin_id, currency_id, granularity)
select i, 1, granularity from generate_series(1, %(coins)s) i, unnest(%(granularities)s::text[]) granularity
"""
_LATEST = """
insert into price_latest (coin_id, currency_id, price, market_cap, volume_24h, observed_at, provider_id)
select coin_id, currency_id, price, market_cap, volume_24h, observed_at, provider_id
from price_hourly where ts = %(last)s
"""
_INDEXES = """
select case when c.conname is null then format('drop index %%s', i.indexrelid::regclass)
            else format('alter table %%s drop constraint %%I', i.indrelid::regclass, c.conname) end,
       case when c.conname is null then pg_get_indexdef(i.indexrelid)
            else format('alter table %%s add constraint %%I %%s', i.indrelid::regclass, c.conname,
                        pg_get_constraintdef(c.oid)) end,
       i.indexrelid::regclass::text
from pg_index i left join pg_constraint c on c.conindid = i.indexrelid where i.indrelid = %s::regclass
"""


def fill(url: str, scale: Scale) -> None:
    """Everything into a migrated, empty database; then the statistics, and the pages marked as visible to all."""
    with psycopg.connect(url, autocommit=True, options="-c timezone=UTC -c maintenance_work_mem=512MB") as connection:
        connection.execute("update currencies set tracked = true where id = 1")
        connection.execute(_COINS, {"coins": scale.coins})
        for granularity in Granularity:
            with _keys_afterwards(connection, granularity.table):
                _insert(connection, granularity, scale)
        connection.execute(_VERSIONS, {"coins": scale.coins, "granularities": [one.value for one in Granularity]})
        connection.execute(_LATEST, {"last": scale.end - timedelta(hours=1)})
        say("vacuuming")
        connection.execute("vacuum (analyze)")


def _insert(connection: Connection, granularity: Granularity, scale: Scale) -> None:
    """About a million rows a statement, so that there is something to tell."""
    query = sql.SQL(_POINTS).format(table=sql.Identifier(granularity.table))
    per_day = scale.coins * (DAY // granularity.width)
    step = max(1, 1_000_000 // per_day)
    began, written = time.monotonic(), 0
    for first in range(0, scale.days, step):
        rows = min(step, scale.days - first) * per_day
        connection.execute(
            query,
            {
                "coins": scale.coins,
                "start": scale.start + first * DAY,
                "width": granularity.width,
                "rows": rows,
                "provider": PROVIDER_IDS["COINGECKO"],
            },
        )
        written += rows
        say(
            f"{granularity.table}: {written:,} of {scale.days * per_day:,} rows, "
            f"{written / (time.monotonic() - began):,.0f} rows/s"
        )


@contextmanager
def _keys_afterwards(connection: Connection, table: str) -> Iterator[None]:
    """Without its indexes inside the block; they are made again at its end, as the migrations made them."""
    indexes = connection.execute(_INDEXES, (table,)).fetchall()
    for drop, _, _ in indexes:
        connection.execute(str(drop).encode())
    yield
    for _, make, index in indexes:
        say(f"indexing: {index}")
        connection.execute(str(make).encode())
