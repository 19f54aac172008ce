"""What was asked of a provider and left a hole: so that "asked and empty" differs from "never asked"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from db.pool import Connection
from db.series import Granularity, Series, Window


class Outcome(StrEnum):
    NO_DATA = "NO_DATA"
    REJECTED = "REJECTED"
    PLAN_LIMIT = "PLAN_LIMIT"
    RATE_LIMITED = "RATE_LIMITED"
    PROVIDER_ERROR = "PROVIDER_ERROR"


@dataclass(frozen=True, slots=True)
class Fetch:
    """`expires_at`: when asking again makes sense; None: not by itself."""

    window: Window
    outcome: Outcome
    asked_at: datetime
    expires_at: datetime | None


# Older records keep what lies outside the window that was asked now.
_FORGET = """
with cut as (
    delete from fetch_windows
    where coin_id = %(coin)s and currency_id = %(currency)s and granularity = %(granularity)s
      and from_ts < %(end)s and to_ts > %(start)s
    returning *
)
insert into fetch_windows
    (coin_id, currency_id, granularity, provider_id, from_ts, to_ts, outcome, asked_at, expires_at)
select coin_id, currency_id, granularity, provider_id, part.from_ts, part.to_ts, outcome, asked_at, expires_at
from cut, lateral (values (cut.from_ts, least(cut.to_ts, %(start)s::timestamptz)),
                          (greatest(cut.from_ts, %(end)s::timestamptz), cut.to_ts)) as part (from_ts, to_ts)
where part.from_ts < part.to_ts
"""
_RECORD = """
insert into fetch_windows
    (coin_id, currency_id, granularity, provider_id, from_ts, to_ts, outcome, asked_at, expires_at)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


async def record_answer(
    connection: Connection,
    series: Series,
    granularity: Granularity,
    provider_id: int,
    asked: Window,
    left: Sequence[Fetch],
) -> None:
    """Replace what was known about the window by what the newest answer left open."""
    key = (series.coin_id, series.currency_id, granularity.value)
    names = dict(zip(("coin", "currency", "granularity"), key, strict=True))
    await connection.execute(_FORGET, names | {"start": asked.start, "end": asked.end})
    if left:
        async with connection.cursor() as cursor:
            await cursor.executemany(
                _RECORD,
                [
                    (
                        *key,
                        provider_id,
                        f.window.start,
                        f.window.end,
                        f.outcome.value,
                        f.asked_at,
                        f.expires_at,
                    )
                    for f in left
                ],
            )


async def list_fetches(
    connection: Connection, series: Sequence[Series], granularity: Granularity, window: Window
) -> dict[Series, list[Fetch]]:
    """The records of each series that touch the window, oldest bucket first; they never overlap."""
    cursor = await connection.execute(
        """
        select f.coin_id, f.currency_id, f.from_ts, f.to_ts, f.outcome, f.asked_at, f.expires_at
        from fetch_windows f
        join unnest(%(coins)s::int[], %(currencies)s::smallint[]) as w (coin_id, currency_id)
            using (coin_id, currency_id)
        where f.granularity = %(granularity)s and f.from_ts < %(end)s and f.to_ts > %(start)s
        order by f.from_ts
        """,
        {
            "coins": [one.coin_id for one in series],
            "currencies": [one.currency_id for one in series],
            "granularity": granularity.value,
            "start": window.start,
            "end": window.end,
        },
    )
    found: dict[Series, list[Fetch]] = {one: [] for one in series}
    for coin, currency, start, end, outcome, asked_at, expires_at in await cursor.fetchall():
        found[Series(coin, currency)].append(Fetch(Window(start, end), Outcome(outcome), asked_at, expires_at))
    return found
