"""What a refresh has to fetch: buckets that are not stored, of many series, and stored ones that are not confirmed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg import AsyncClientCursor, sql

from db.gaps import HOLE_COLUMNS, JOIN_STEPS, holes_of
from db.pool import Connection
from db.series import HOUR, Granularity, Series, Window
from db.windows import merge


class _Counted(NamedTuple):
    """How many points of a series are stored, the first and the last one, and the bucket behind that one."""

    points: int
    first: datetime
    last: datetime
    after: datetime
    has_holes: bool


# Times are added and compared here, as Python does so by the clock on the wall of the session's time zone; widths are
# exact hours (see db.gaps).
_COUNT = """
select coin_id, currency_id, count(*), min(ts), max(ts), max(ts) + make_interval(hours => %(hours)s),
       min(ts) + make_interval(hours => %(hours)s * count(*)::int) <= max(ts)
from {table}
where coin_id = any(%(coins)s::int[]) and currency_id = any(%(currencies)s::smallint[])
  and ts >= %(start)s and ts < %(end)s
group by coin_id, currency_id
"""
_HOLES = """
select w.coin_id, w.currency_id, {columns}
from unnest(%(coins)s::int[], %(currencies)s::smallint[], %(counts)s::bigint[],
            %(firsts)s::timestamptz[], %(lasts)s::timestamptz[]) as w (coin_id, currency_id, count, first, last)
cross join lateral (select w.count, w.first, w.last) s
{steps}
"""


async def list_holes(
    connection: Connection, granularity: Granularity, windows: Sequence[tuple[Series, Window]]
) -> dict[Series, list[Window]]:
    """The buckets that are not stored; an empty list where none is missing. One or two statements for each different
    window.

    Windows begin and end on bucket starts; those of one series do not overlap.
    """
    alike: dict[Window, list[Series]] = {}
    for one, window in windows:
        alike.setdefault(window, []).append(one)
    holes: dict[Series, list[Window]] = {one: [] for one, _ in windows}
    for window, series in alike.items():
        if window.start < window.end:
            found = await _find_holes(connection, granularity, window, series)
            for one in series:
                holes[one] += found.get(one, [window])
    return {one: sorted(windows) for one, windows in holes.items()}


async def _find_holes(
    connection: Connection, granularity: Granularity, window: Window, series: Sequence[Series]
) -> dict[Series, list[Window]]:
    """Without the series that have no point at all."""
    counted = await _count(connection, granularity, window, series)
    broken = {one: found for one, found in counted.items() if found.has_holes}
    holes = {one: holes_of(window, found.first, found.after, None, None) for one, found in counted.items()}
    return holes | (await _look_inside(connection, granularity, window, broken) if broken else {})


async def _count(
    connection: Connection, granularity: Granularity, window: Window, series: Sequence[Series]
) -> dict[Series, _Counted]:
    query = sql.SQL(_COUNT).format(table=sql.Identifier(granularity.table))
    parameters = {
        "coins": [one.coin_id for one in series],
        "currencies": list({one.currency_id for one in series}),
        "start": window.start,
        "end": window.end,
        "hours": granularity.width // HOUR,
    }
    # This cursor writes the values into the text: only if PostgreSQL sees how many there are, it shares the work out
    # among processes.
    async with AsyncClientCursor(connection) as cursor:
        await cursor.execute(query, parameters)
        found = {Series(coin, currency): _Counted(*row) for coin, currency, *row in await cursor.fetchall()}
    wanted = set(series)  # not each coin in each currency
    return {one: counted for one, counted in found.items() if one in wanted}


async def _look_inside(
    connection: Connection, granularity: Granularity, window: Window, broken: Mapping[Series, _Counted]
) -> dict[Series, list[Window]]:
    bounds = {"first": window.start, "last": window.end, "hours": granularity.width // HOUR}
    parts = {name: f"%({name})s" for name in bounds} | {"table": granularity.table}
    query = _HOLES.format(columns=HOLE_COLUMNS.format(**parts), steps=JOIN_STEPS.format(**parts))
    parameters = {
        "coins": [one.coin_id for one in broken],
        "currencies": [one.currency_id for one in broken],
        "counts": [found.points for found in broken.values()],
        "firsts": [found.first for found in broken.values()],
        "lasts": [found.last for found in broken.values()],
    }
    cursor = await connection.execute(query.encode(), {**bounds, **parameters}, binary=True)
    return {Series(coin, currency): holes_of(window, *found) for coin, currency, *found in await cursor.fetchall()}


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
    parameters = {
        "coins": [one.coin_id for one in series],
        "currencies": [one.currency_id for one in series],
        "start": window.start,
        "end": window.end,
    }
    found: dict[Series, list[Window]] = {}
    for coin, currency, ts in await (await connection.execute(query, parameters)).fetchall():
        found.setdefault(Series(coin, currency), []).append(Window(ts, ts + granularity.width))
    return {one: merge(windows) for one, windows in found.items()}
