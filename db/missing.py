"""What a refresh has to fetch: buckets that are not stored, of many series, and stored ones that are not confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from psycopg import sql

from db.pool import Connection
from db.series import Granularity, Series, Window
from db.windows import merge

# Triggers of migration 0010 keep stored_windows with every point that comes or goes: no point is read, however many
# there are. A series of which nothing is missing answers with a row that has no hole.
_HOLES = """
select coin_id, currency_id, lower(hole), upper(hole)
from (
    select coin_id, currency_id, range_agg(stored) as stored from stored_windows
    where coin_id = any(%(coins)s::int[]) and currency_id = any(%(currencies)s::smallint[])
      and granularity = %(granularity)s and from_ts < %(end)s and upper(stored) > %(start)s
    group by coin_id, currency_id
) s
left join lateral unnest(tstzmultirange(tstzrange(%(start)s, %(end)s)) - stored) hole on true
"""


async def list_holes(
    connection: Connection, series: Sequence[Series], granularity: Granularity, window: Window
) -> dict[Series, list[Window]]:
    """The buckets that are not stored, oldest first; an empty list where none is missing.

    The window begins and ends on bucket starts.
    """
    if window.start >= window.end:
        return {one: [] for one in series}
    parameters = {
        "coins": [one.coin_id for one in series],
        "currencies": list({one.currency_id for one in series}),  # finds each coin in each of them
        "granularity": granularity.value,
        "start": window.start,
        "end": window.end,
    }
    found: dict[Series, list[Window]] = {}
    cursor = await connection.execute(_HOLES, parameters, binary=True)
    for coin, currency, start, end in await cursor.fetchall():
        holes = found.setdefault(Series(coin, currency), [])
        if start:
            # Python compares times of one zone by the clock on the wall, which shows some hours twice.
            holes.append(Window(start.astimezone(UTC), end.astimezone(UTC)))
    return {one: found.get(one, [window]) for one in series}


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
