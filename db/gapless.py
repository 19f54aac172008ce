"""What is remembered for planning: windows of a series without a hole, so that a year of hours is counted once. Workers
write down what they have filled, and planning what it finds besides.

Only the removal of a point makes a hole where there was none. Triggers on the price tables forget the windows that a
removed point lay in, whoever removed it. They do so under a lock that all who remove share, and that planning has for
itself while it remembers: a removal that planning could not see yet waits for planning's transaction and then forgets
what it wrote, and while a removal is not committed nothing is remembered. That takes transactions in which each
statement sees what was committed before it, as PostgreSQL's are unless told otherwise. Whoever drops chunks also runs
delete from gapless_windows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from db.missing import list_holes
from db.pool import Connection
from db.series import DAY, Granularity, Series, Window, floor
from db.windows import merge, subtract

# The trigger function of migration 0007 takes the same.
_LOCK = 7_204_511_971
# To look up a window costs about what counting so many buckets does.
_WORTH = 200


async def may_remember(connection: Connection) -> bool:
    """Whether `find_holes` may remember in this transaction; ask before it reads anything."""
    row = await (await connection.execute("select pg_try_advisory_xact_lock(%s)", (_LOCK,))).fetchone()
    assert row is not None
    return bool(row[0])


async def find_holes(
    connection: Connection, series: Sequence[Series], granularity: Granularity, window: Window, *, remember: bool
) -> dict[Series, list[Window]]:
    """`list_holes`, but windows that are known to have none are left out of the count."""
    known = await _list_gapless(connection, series, granularity)
    counted = {one: subtract([window], windows) for one, windows in known.items()}
    places = [(one, part) for one, parts in counted.items() for part in parts]
    holes: dict[Series, list[Window]] = {one: [] for one in series}
    holes |= await list_holes(connection, granularity, places)
    if remember:
        seen = {one: [*windows, *subtract(counted[one], holes[one])] for one, windows in known.items()}
        await _remember(connection, granularity, known, {one: _worth_keeping(seen[one], granularity) for one in seen})
    return holes


async def remember_filled(connection: Connection, series: Series, granularity: Granularity, window: Window) -> None:
    """After a window was filled, and before that is committed: plannings to come need not count what is long enough to
    be worth it. If something else holds the lock now, the next planning counts, and remembers.
    """
    if window.buckets(granularity.width) >= _WORTH and await may_remember(connection):
        await find_holes(connection, [series], granularity, window, remember=True)


def _worth_keeping(gapless: Sequence[Window], granularity: Granularity) -> list[Window]:
    """Up to midnights, so that what is complete up to now is written once a day."""
    windows = [Window(window.start, floor(window.end, DAY)) for window in merge(gapless)]
    return [window for window in windows if window.end - window.start >= _WORTH * granularity.width]


async def _list_gapless(
    connection: Connection, series: Sequence[Series], granularity: Granularity
) -> dict[Series, list[Window]]:
    """Oldest first. While PostgreSQL takes the table for empty, a join would go through all of it for each series."""
    cursor = await connection.execute(
        """
        select coin_id, currency_id, from_ts, to_ts from gapless_windows
        where coin_id = any(%s) and currency_id = any(%s) and granularity = %s order by from_ts
        """,
        ([one.coin_id for one in series], list({one.currency_id for one in series}), granularity.value),
    )
    found: dict[Series, list[Window]] = {one: [] for one in series}
    for coin, currency, start, end in await cursor.fetchall():
        if (one := Series(coin, currency)) in found:
            found[one].append(Window(start, end))
    return found


_FORGET = """
delete from gapless_windows
where coin_id = %s and currency_id = %s and granularity = %s and from_ts = %s
"""
_WRITE = """
insert into gapless_windows (granularity, coin_id, currency_id, from_ts, to_ts)
select %s, t.* from unnest(%s::int[], %s::smallint[], %s::timestamptz[], %s::timestamptz[]) t
on conflict (coin_id, currency_id, granularity, from_ts) do update set to_ts = excluded.to_ts
"""


async def _remember(
    connection: Connection,
    granularity: Granularity,
    known: Mapping[Series, Sequence[Window]],
    seen: Mapping[Series, Sequence[Window]],
) -> None:
    """A window that has grown keeps the row that begins where it does; others that it has swallowed go."""
    swallowed = [
        (one.coin_id, one.currency_id, granularity.value, window.start)
        for one, windows in known.items()
        for window in windows
        if window.start not in {kept.start for kept in seen[one]}
    ]
    news = [(one, window) for one, windows in seen.items() for window in windows if window not in known[one]]
    async with connection.cursor() as cursor:
        await cursor.executemany(_FORGET, swallowed)
    if news:
        columns = zip(*((one.coin_id, one.currency_id, window.start, window.end) for one, window in news), strict=True)
        await connection.execute(_WRITE, (granularity.value, *map(list, columns)))
