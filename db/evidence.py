"""What may explain the holes of series: what the provider was asked and will be, and how far back it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db.fetches import Fetch, Outcome
from db.planning import days_of, oldest_allowed
from db.providers import REACH_DAYS
from db.series import Granularity, Window


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


# Beside a list w of series and windows, and as columns for `evidence_of`. Open tasks are of any time; hourly ones bring
# days too. Whether what is missing lies before the first bucket matters only where a provider has no data.
EVIDENCE_COLUMNS = """
(select {reach_days} from providers p where p.code = 'COINGECKO'),
case when 'NO_DATA' = any(f.outcomes)
     then (select a.ts from {table} a
           where a.coin_id = w.coin_id and a.currency_id = w.currency_id order by a.ts limit 1)
end,
f.starts, f.ends, f.outcomes, f.asked_at, f.expires_at, t.granularities, t.starts, t.ends, t.retry_at
""".replace("{reach_days}", REACH_DAYS.as_string())
JOIN_EVIDENCE = """
cross join lateral (
    select array_agg(from_ts order by from_ts) as starts, array_agg(to_ts order by from_ts) as ends,
           array_agg(outcome order by from_ts) as outcomes, array_agg(asked_at order by from_ts) as asked_at,
           array_agg(expires_at order by from_ts) as expires_at
    from fetch_windows a
    where a.coin_id = w.coin_id and a.currency_id = w.currency_id and a.granularity = '{granularity}'
      and a.from_ts < w.to_ts and a.to_ts > w.from_ts
) f
cross join lateral (
    select array_agg(granularity order by id) as granularities, array_agg(from_ts order by id) as starts,
           array_agg(to_ts order by id) as ends, array_agg(retry_at order by id) as retry_at
    from refresh_tasks a
    where a.coin_id = w.coin_id and a.currency_id = w.currency_id and a.status in ('PENDING', 'RUNNING', 'DEFERRED')
      and a.granularity in ('HOURLY', '{granularity}')
) t
"""


def evidence_of(
    granularity: Granularity, now: datetime, reach_days: int | None, first: datetime | None, *found: list[Any] | None
) -> Evidence:
    """`found` are the columns of fetches, then those of open tasks; None where there are none."""
    return Evidence(
        [Fetch(Window(start, end), Outcome(outcome), *rest) for start, end, outcome, *rest in _zip(found[:5])],
        [(_fills(granularity, *task), at or now) for *task, at in _zip(found[5:])],
        first,
        oldest_allowed(now, reach_days),
    )


def _zip(columns: Sequence[list[Any] | None]) -> Sequence[tuple[Any, ...]]:
    """Rows that were gathered in an array per column; without any row there is no array."""
    return list(zip(*(column or [] for column in columns), strict=True))


def _fills(granularity: Granularity, asked: str, start: datetime, end: datetime) -> Window:
    """The buckets of one store that a task for the same or for hours fills."""
    window = Window(start, end)
    return window if asked == granularity else days_of(window)
