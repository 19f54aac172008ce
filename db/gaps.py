"""Holes: buckets that are expected and not stored; and stored ones that are not confirmed yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from psycopg import sql

from db.pool import Connection
from db.series import HOUR, Granularity, Series, Window
from db.windows import merge


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored of one series inside a window of whole buckets."""

    count: int = 0
    first: datetime | None = None
    last: datetime | None = None
    holes: list[Window] = field(default_factory=list)


# The row at the window's end is a sentinel: with it the last hole, and a series without any row, need no case of their
# own. Widths are exact hours: a day across a DST change of the session's time zone would not be 24 hours.
_HOLES = """
with wanted as (
    select * from unnest(%(coins)s::int[], %(currencies)s::smallint[]) as w (coin_id, currency_id)
), bucket as (
    select make_interval(hours => %(hours)s) as width
), edges as (
    select coin_id, currency_id, p.ts from wanted
        join {table} p using (coin_id, currency_id)
        where p.ts >= %(start)s and p.ts < %(end)s
    union all
    select coin_id, currency_id, %(end)s from wanted
), steps as (
    select coin_id, currency_id, ts,
           lag(ts, 1, %(start)s - width) over (partition by coin_id, currency_id order by ts) + width as due
    from edges, bucket
)
select coin_id, currency_id, count(*) - 1, min(ts), max(due) - (select width from bucket),
       array_agg(due order by due) filter (where ts > due),
       array_agg(ts order by due) filter (where ts > due)
from steps group by coin_id, currency_id
"""


async def read_stored(
    connection: Connection, series: Sequence[Series], granularity: Granularity, window: Window
) -> dict[Series, Stored]:
    """Counts and holes of many series in one statement. The window must begin and end on bucket starts."""
    if window.start >= window.end:
        return {one: Stored() for one in series}
    query = sql.SQL(_HOLES).format(table=sql.Identifier(granularity.table))
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(query, _parameters(series, granularity, window))
        return {
            Series(coin, currency): _stored(count, first, last, starts, ends)
            for coin, currency, count, first, last, starts, ends in await cursor.fetchall()
        }


def _parameters(series: Sequence[Series], granularity: Granularity, window: Window) -> dict[str, object]:
    return {
        "coins": [one.coin_id for one in series],
        "currencies": [one.currency_id for one in series],
        "start": window.start,
        "end": window.end,
        "hours": granularity.width // HOUR,
    }


def _stored(
    count: int, first: datetime, last: datetime, starts: list[datetime] | None, ends: list[datetime] | None
) -> Stored:
    holes = [Window(start, end) for start, end in zip(starts or [], ends or [], strict=True)]
    return Stored(count, first, last, holes) if count else Stored(0, None, None, holes)


_PROVISIONAL = """
select p.coin_id, p.currency_id, p.ts
from unnest(%(coins)s::int[], %(currencies)s::smallint[]) as w (coin_id, currency_id)
join {table} p using (coin_id, currency_id)
where p.provisional and p.ts >= %(start)s and p.ts < %(end)s
"""


async def list_provisional(
    connection: Connection, series: Sequence[Series], granularity: Granularity, window: Window
) -> dict[Series, list[Window]]:
    """Stretches of stored points that wait to be confirmed, oldest first; a series without any is left out."""
    query = sql.SQL(_PROVISIONAL).format(table=sql.Identifier(granularity.table))
    found: dict[Series, list[Window]] = {}
    for coin, currency, ts in await (
        await connection.execute(query, _parameters(series, granularity, window))
    ).fetchall():
        found.setdefault(Series(coin, currency), []).append(Window(ts, ts + granularity.width))
    return {one: merge(windows) for one, windows in found.items()}


# The first stored point of each series, or the last one: {order} says which.
_OUTERMOST = sql.SQL("""
select w.coin_id, w.currency_id, o.ts, o.observed_at
from unnest(%(coins)s::int[], %(currencies)s::smallint[]) as w (coin_id, currency_id)
cross join lateral (
    select p.ts, p.observed_at from {table} p
    where p.coin_id = w.coin_id and p.currency_id = w.currency_id order by p.ts {order} limit 1
) o
""")


async def list_first_points(
    connection: Connection, series: Sequence[Series], granularity: Granularity
) -> dict[Series, datetime]:
    """The first stored bucket of each series that has one."""
    return {one: ts for one, ts, _ in await _list_outermost(connection, series, granularity, sql.SQL("asc"))}


async def list_newest(
    connection: Connection, series: Sequence[Series], granularity: Granularity
) -> dict[Series, datetime]:
    """The provider's stamp of the newest stored point of each series that has one."""
    return {one: at for one, _, at in await _list_outermost(connection, series, granularity, sql.SQL("desc"))}


async def _list_outermost(
    connection: Connection, series: Sequence[Series], granularity: Granularity, order: sql.SQL
) -> list[tuple[Series, datetime, datetime]]:
    query = _OUTERMOST.format(table=sql.Identifier(granularity.table), order=order)
    parameters = {"coins": [one.coin_id for one in series], "currencies": [one.currency_id for one in series]}
    rows = await (await connection.execute(query, parameters)).fetchall()
    return [(Series(coin, currency), ts, at) for coin, currency, ts, at in rows]
