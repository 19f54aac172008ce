"""Holes: buckets that are expected and not stored; and stored ones that are not confirmed yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from psycopg import sql

from db.pool import Connection
from db.series import HOUR, Granularity, Series, Window
from db.windows import merge

# A series is looked at by index alone, and only for holes between its points if the count says that there are any:
# lag() costs several times what counting does. By the outermost bounds PostgreSQL leaves chunks out of its plan. Widths
# are exact hours: a day across a DST change of the session's time zone would not be 24 hours. Beside a list w of series
# and windows; what HOLE_COLUMNS say is for `holes_of`.
HOLE_COLUMNS = "s.first, s.last + make_interval(hours => {hours}), h.starts, h.ends"
JOIN_HOLES = """
cross join lateral (
    select count(*), min(p.ts) as first, max(p.ts) as last from {table} p
    where p.coin_id = w.coin_id and p.currency_id = w.currency_id and p.ts >= w.from_ts and p.ts < w.to_ts
      and p.ts >= {first} and p.ts < {last}
) s
cross join lateral (
    select array_agg(due order by due) as starts, array_agg(ts order by due) as ends
    from (
        select p.ts, lag(p.ts) over (order by p.ts) + make_interval(hours => {hours}) as due from {table} p
        where p.coin_id = w.coin_id and p.currency_id = w.currency_id and p.ts >= s.first and p.ts <= s.last
          and s.first + make_interval(hours => {hours} * s.count::int) <= s.last
          and p.ts >= {first} and p.ts < {last}
    ) steps
    where ts > due
) h
"""
_HOLES = """
select w.place, {columns}
from unnest(%(coins)s::int[], %(currencies)s::smallint[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
    with ordinality as w (coin_id, currency_id, from_ts, to_ts, place)
{holes}
"""


async def list_holes(
    connection: Connection, granularity: Granularity, windows: Sequence[tuple[Series, Window]]
) -> dict[Series, list[Window]]:
    """The buckets that are not stored, of all windows in one statement; an empty list where none is missing.

    Windows begin and end on bucket starts; those of one series do not overlap.
    """
    holes: dict[Series, list[Window]] = {one: [] for one, _ in windows}
    asked = [(one, window) for one, window in windows if window.start < window.end]
    if asked:
        parts = {name: f"%({name})s" for name in ("hours", "first", "last")} | {"table": granularity.table}
        query = _HOLES.format(columns=HOLE_COLUMNS.format(**parts), holes=JOIN_HOLES.format(**parts))
        async with connection.cursor(binary=True) as cursor:
            await cursor.execute(query.encode(), _places(asked, granularity))
            for place, *found in await cursor.fetchall():
                one, window = asked[place - 1]
                holes[one] += holes_of(window, *found)
    return holes


def _places(windows: Sequence[tuple[Series, Window]], granularity: Granularity) -> dict[str, object]:
    return {
        "coins": [one.coin_id for one, _ in windows],
        "currencies": [one.currency_id for one, _ in windows],
        "starts": [window.start for _, window in windows],
        "ends": [window.end for _, window in windows],
        "first": min(window.start for _, window in windows),
        "last": max(window.end for _, window in windows),
        "hours": granularity.width // HOUR,
    }


def holes_of(
    window: Window,
    first: datetime | None,
    after: datetime | None,
    starts: list[datetime] | None,
    ends: list[datetime] | None,
) -> list[Window]:
    """`after` is the bucket behind the last one; `starts` and `ends` are the holes before it."""
    if first is None or after is None:
        return [window]
    holes = list(map(Window, starts or [], ends or []))
    if window.start < first:
        holes.insert(0, Window(window.start, first))
    if after < window.end:
        holes.append(Window(after, window.end))
    return holes


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
