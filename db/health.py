"""What `pricegraph doctor` asks the database; nothing here writes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import psycopg

from db.fetches import Outcome
from db.pool import Connection, PoolSettings, open_connection
from db.tasks import TaskStatus


@asynccontextmanager
async def open_reader(url: str, statement_timeout: float) -> AsyncIterator[Connection]:
    """A connection on which the server refuses every change."""
    settings = PoolSettings(statement_timeout=statement_timeout, read_only=True)
    async with open_connection(url, settings) as connection:
        yield connection


@dataclass(frozen=True, slots=True)
class ServerRow:
    """TimescaleDB's versions: the one the server could create in this database, and the one created there."""

    version: str
    major: int
    timescaledb_offered: str | None
    timescaledb: str | None


async def read_server(connection: Connection) -> ServerRow:
    cursor = await connection.execute(
        """
        select split_part(current_setting('server_version'), ' ', 1),
               current_setting('server_version_num')::int / 10000,
               (select default_version from pg_available_extensions where name = 'timescaledb'),
               (select extversion from pg_extension where extname = 'timescaledb')
        """
    )
    row = await cursor.fetchone()
    assert row is not None
    return ServerRow(*row)


async def read_clock(connection: Connection) -> datetime:
    """The present instant by the server's clock."""
    row = await (await connection.execute("select clock_timestamp()")).fetchone()
    assert row is not None
    now: datetime = row[0]
    return now


async def read_migration(connection: Connection) -> str | None:
    """The migration the tables are at; None when there are none."""
    try:
        row = await (await connection.execute("select version_num from alembic_version")).fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    return str(row[0]) if row else None


async def count_hypertables(connection: Connection) -> int:
    """How many of the two price tables TimescaleDB keeps. Only for databases that have its extension."""
    cursor = await connection.execute(
        "select count(*) from timescaledb_information.hypertables "
        "where hypertable_name in ('price_hourly', 'price_daily')"
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


@dataclass(frozen=True, slots=True)
class WorkRow:
    """`due_tasks` are the open ones that are not put aside until later."""

    workers: int
    open_tasks: int
    oldest_task: datetime | None
    due_tasks: int


async def read_work(connection: Connection, stalled_seconds: float) -> WorkRow:
    """Workers heard of within so many seconds, and what there is to do for them."""
    cursor = await connection.execute(
        """
        select (select count(*) from procrastinate_workers
                where last_heartbeat > now() - make_interval(secs => %(seconds)s)),
               count(*), min(created_at), count(*) filter (where coalesce(retry_at, '-infinity') <= now())
        from refresh_tasks where status in ('PENDING', 'RUNNING', 'DEFERRED')
        """,
        {"seconds": stalled_seconds},
    )
    row = await cursor.fetchone()
    assert row is not None
    return WorkRow(*row)


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """A budget that workers use. `failures` are those in a row; `month_used` counts this month's calls."""

    provider: str
    key: str
    month_used: int
    monthly_limit: int | None
    failures: int
    blocked_until: datetime | None
    blocked_reason: str | None


async def list_budgets(connection: Connection, now: datetime) -> list[BudgetRow]:
    cursor = await connection.execute(
        """
        select p.code, b.key,
               case when b.month = date_trunc('month', %(now)s::timestamptz at time zone 'UTC')
                    then b.month_used else 0 end,
               b.monthly_limit, b.failures,
               case when b.blocked_until > %(now)s then b.blocked_until end, b.blocked_reason
        from providers p join provider_budget b on b.key = p.budget_key order by p.rank
        """,
        {"now": now},
    )
    return [BudgetRow(*row) for row in await cursor.fetchall()]


class StaleSeries(NamedTuple):
    """A series without a recent price, and what is known about the reason: an open task, or a recent fetch that left a
    hole. Neither: nobody asked.
    """

    coin: str
    currency: str
    newest_hour: datetime | None
    task: TaskStatus | None
    retry_at: datetime | None
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class Freshness:
    """Of all series that are refreshed: how many are stale, how many of those never got a price, and a few of them."""

    coins: int
    series: int
    stale: int
    never: int
    examples: Sequence[StaleSeries]


# One probe of the newest chunk a series, by the tables' own key; what costs more is asked for the few examples only.
_FRESHNESS = """
with tracked as (
    select c.id as coin_id, c.slug, y.id as currency_id, y.code
    from coins c join currencies y on y.tracked or y.rate_coin_id = c.id where c.tracked and c.status = 'ACTIVE'
), stale as materialized (
    select t.*, l.observed_at from tracked t
    left join price_latest l using (coin_id, currency_id)
    left join lateral (
        select true as found from price_hourly p
        where p.coin_id = t.coin_id and p.currency_id = t.currency_id and p.ts >= %(since)s limit 1
    ) recent on true
    where l.observed_at is null or l.observed_at < %(since)s or recent.found is null
), totals as (
    select (select count(*) from coins where tracked and status = 'ACTIVE') as coins,
           (select count(*) from tracked) as series,
           count(*) as stale, count(*) filter (where observed_at is null) as never
    from stale
), examples as (
    select * from stale order by observed_at nulls first, coin_id, currency_id limit %(limit)s
)
select totals.*, e.slug, e.code, newest.ts, task.status, task.retry_at, hole.outcome
from totals left join examples e on true
left join lateral (
    select ts from price_hourly p where p.coin_id = e.coin_id and p.currency_id = e.currency_id
    order by ts desc limit 1
) newest on true
left join lateral (
    select status, retry_at from refresh_tasks t
    where t.coin_id = e.coin_id and t.currency_id = e.currency_id and t.status in ('PENDING', 'RUNNING', 'DEFERRED')
      and t.to_ts > %(since)s
    order by to_ts desc limit 1
) task on true
left join lateral (
    select outcome from fetch_windows f
    where f.coin_id = e.coin_id and f.currency_id = e.currency_id and f.granularity = 'HOURLY' and f.to_ts > %(since)s
    order by f.from_ts desc limit 1
) hole on true
"""


async def read_freshness(connection: Connection, since: datetime, limit: int = 3) -> Freshness:
    """Tracked series whose latest price or newest stored hour is older than `since`; up to `limit` as examples."""
    rows = await (await connection.execute(_FRESHNESS, {"since": since, "limit": limit})).fetchall()
    coins, series, stale, never = rows[0][:4]
    return Freshness(coins, series, stale, never, [_stale(row[4:]) for row in rows if row[4] is not None])


def _stale(row: tuple[str, str, datetime | None, str | None, datetime | None, str | None]) -> StaleSeries:
    coin, currency, newest, task, retry_at, outcome = row
    return StaleSeries(
        coin, currency, newest, TaskStatus(task) if task else None, retry_at, Outcome(outcome) if outcome else None
    )


async def holds_prices(connection: Connection) -> bool:
    """Whether anything has been fetched yet."""
    row = await (await connection.execute("select exists (select from price_latest)")).fetchone()
    return bool(row and row[0])


class Comparison(NamedTuple):
    """Series that were looked at; of how many `stored_windows` says other than what is stored; and one of those."""

    series: int
    differing: int
    example: str | None


_COMPARED = """
with sample as materialized (
    select coin_id, currency_id
    from (select coin_id, currency_id from stored_windows union select coin_id, currency_id from series_versions) s
    order by random() limit %(limit)s
), counted as (
    select s.*, (
        select coalesce(sum(extract(epoch from upper(part) - lower(part))), 0) / 3600
        from stored_windows w, unnest(w.stored) part
        where w.coin_id = s.coin_id and w.currency_id = s.currency_id and w.granularity = 'HOURLY'
    ) as written_down, (
        select count(*) from price_hourly p where p.coin_id = s.coin_id and p.currency_id = s.currency_id
    ) as stored
    from sample s
)
select count(*), count(*) filter (where written_down <> stored),
       min(c.slug || '/' || y.code) filter (where written_down <> stored)
from counted join coins c on c.id = coin_id join currencies y on y.id = currency_id
"""


async def compare_stored(connection: Connection, limit: int = 20) -> Comparison:
    """What is written down of the hours of some series, chosen at random, with those that are stored."""
    row = await (await connection.execute(_COMPARED, {"limit": limit})).fetchone()
    assert row is not None
    return Comparison(*row)
