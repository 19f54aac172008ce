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


# A series is looked at by index alone, and only for holes between its points if the count says that there are any:
# lag() costs several times what counting does. Widths are exact hours: a day across a DST change of the session's time
# zone would not be 24 hours.
_STORED = """
select w.coin_id, w.currency_id, s.count, s.first, s.last, s.last + make_interval(hours => %(hours)s), h.starts, h.ends
from unnest(%(coins)s::int[], %(currencies)s::smallint[]) as w (coin_id, currency_id)
cross join lateral (
    select count(*), min(p.ts) as first, max(p.ts) as last from {table} p
    where p.coin_id = w.coin_id and p.currency_id = w.currency_id and p.ts >= %(start)s and p.ts < %(end)s
) s
cross join lateral (
    select array_agg(due order by due) as starts, array_agg(ts order by due) as ends
    from (
        select p.ts, lag(p.ts) over (order by p.ts) + make_interval(hours => %(hours)s) as due from {table} p
        where p.coin_id = w.coin_id and p.currency_id = w.currency_id and p.ts >= %(start)s and p.ts < %(end)s
          and s.first + make_interval(hours => %(hours)s * s.count::int) <= s.last
    ) steps
    where ts > due
) h
"""


async def read_stored(
    connection: Connection, series: Sequence[Series], granularity: Granularity, window: Window
) -> dict[Series, Stored]:
    """Counts and holes of many series in one statement. The window must begin and end on bucket starts."""
    if window.start >= window.end:
        return {one: Stored() for one in series}
    query = sql.SQL(_STORED).format(table=sql.Identifier(granularity.table))
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(query, _parameters(series, granularity, window))
        return {Series(coin, currency): _stored(window, *found) for coin, currency, *found in await cursor.fetchall()}


def _parameters(series: Sequence[Series], granularity: Granularity, window: Window) -> dict[str, object]:
    return {
        "coins": [one.coin_id for one in series],
        "currencies": [one.currency_id for one in series],
        "start": window.start,
        "end": window.end,
        "hours": granularity.width // HOUR,
    }


def _stored(
    window: Window,
    count: int,
    first: datetime | None,
    last: datetime | None,
    after: datetime | None,
    starts: list[datetime] | None,
    ends: list[datetime] | None,
) -> Stored:
    """`after` is the bucket behind the last one; `starts` and `ends` are the holes before it."""
    if first is None or after is None:
        return Stored(holes=[window])
    holes = list(map(Window, starts or [], ends or []))
    if window.start < first:
        holes.insert(0, Window(window.start, first))
    if after < window.end:
        holes.append(Window(after, window.end))
    return Stored(count, first, last, holes)


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


_NEWEST = sql.SQL("""
select w.coin_id, w.currency_id, newest.observed_at
from unnest(%(coins)s::int[], %(currencies)s::smallint[]) as w (coin_id, currency_id)
cross join lateral (
    select p.observed_at from {table} p
    where p.coin_id = w.coin_id and p.currency_id = w.currency_id order by p.ts desc limit 1
) newest
""")


async def list_newest(
    connection: Connection, series: Sequence[Series], granularity: Granularity
) -> dict[Series, datetime]:
    """The provider's stamp of the newest stored point of each series that has one."""
    query = _NEWEST.format(table=sql.Identifier(granularity.table))
    parameters = {"coins": [one.coin_id for one in series], "currencies": [one.currency_id for one in series]}
    rows = await (await connection.execute(query, parameters)).fetchall()
    return {Series(coin, currency): at for coin, currency, at in rows}
