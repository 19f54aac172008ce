"""What may explain the holes of series: what the provider was asked and will be, and how far back it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql

from db.fetches import Fetch, Outcome
from db.planning import days_of, oldest_allowed
from db.pool import Connection
from db.providers import REACH_DAYS
from db.series import Granularity, Series, Window


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about one series: recorded fetches that never overlap, oldest first; windows of open tasks with the
    time they go on; its first stored bucket, if a provider said that it has no data; and the oldest bucket that the
    provider's plan answers for.
    """

    fetches: Sequence[Fetch]
    open_tasks: Sequence[tuple[Window, datetime]]
    first_stored: datetime | None
    oldest_allowed: datetime


# Whether what is missing lies before the first bucket matters only where a provider has no data.
_EVIDENCE = sql.SQL("""
select w.coin_id, w.currency_id, {reach_days}, first.ts,
       f.starts, f.ends, f.outcomes, f.asked_at, f.expires_at, t.granularities, t.starts, t.ends, t.retry_at
from unnest(%(coins)s::int[], %(currencies)s::smallint[]) as w (coin_id, currency_id)
join providers p on p.code = 'COINGECKO'
cross join lateral (
    select array_agg(from_ts order by from_ts) as starts, array_agg(to_ts order by from_ts) as ends,
           array_agg(outcome order by from_ts) as outcomes, array_agg(asked_at order by from_ts) as asked_at,
           array_agg(expires_at order by from_ts) as expires_at
    from fetch_windows
    where coin_id = w.coin_id and currency_id = w.currency_id and granularity = %(granularity)s
      and from_ts < %(end)s and to_ts > %(start)s
) f
cross join lateral (
    select array_agg(granularity order by id) as granularities, array_agg(from_ts order by id) as starts,
           array_agg(to_ts order by id) as ends, array_agg(retry_at order by id) as retry_at
    from refresh_tasks
    where coin_id = w.coin_id and currency_id = w.currency_id and status in ('PENDING', 'RUNNING', 'DEFERRED')
      and (granularity = %(granularity)s or %(granularity)s = 'DAILY')
) t
left join lateral (
    select ts from {table}
    where coin_id = w.coin_id and currency_id = w.currency_id order by ts limit 1
) first on 'NO_DATA' = any(f.outcomes)
""")


async def read_evidence(
    connection: Connection, series: Sequence[Series], granularity: Granularity, window: Window, now: datetime
) -> dict[Series, Evidence]:
    """Of each series what concerns the window; the open tasks of any time. Hourly tasks bring days too."""
    query = _EVIDENCE.format(reach_days=REACH_DAYS, table=sql.Identifier(granularity.table))
    parameters = {
        "coins": [one.coin_id for one in series],
        "currencies": [one.currency_id for one in series],
        "granularity": granularity.value,
        "start": window.start,
        "end": window.end,
    }
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(query, parameters)
        rows = await cursor.fetchall()
    return {
        Series(coin, currency): Evidence(
            [Fetch(Window(start, end), Outcome(outcome), *rest) for start, end, outcome, *rest in _zip(found[:5])],
            [(_fills(granularity, *task), at or now) for *task, at in _zip(found[5:])],
            first,
            oldest_allowed(now, reach_days),
        )
        for coin, currency, reach_days, first, *found in rows
    }


def _zip(columns: Sequence[list[Any] | None]) -> Sequence[tuple[Any, ...]]:
    """Rows that were gathered in an array per column; without any row there is no array."""
    return list(zip(*(column or [] for column in columns), strict=True))


def _fills(granularity: Granularity, asked: str, start: datetime, end: datetime) -> Window:
    """The buckets of one store that a task for the same or for hours fills."""
    window = Window(start, end)
    return window if asked == granularity else days_of(window)
