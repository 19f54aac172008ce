"""What was stored once and has been replaced since, with what came in its place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg import sql

from db.pool import Connection
from db.series import Granularity, Window


class Values(NamedTuple):
    """What one source said about a bucket."""

    price: float
    market_cap: float | None
    volume_24h: float | None
    high: float | None
    low: float | None
    provider_id: int
    observed_at: datetime


class RevisionRow(NamedTuple):
    """One change of one bucket; ids follow the order of the changes.

    `revision` is the number of the point that came of it. `after` is None when the price was taken back and nothing
    came in its place. `changed_by` and `note` are those of a person; None when a provider's answer made the change.
    """

    coin_id: int
    id: int
    ts: datetime
    revision: int
    replaced_at: datetime
    changed_by: str | None
    note: str | None
    before: Values
    after: Values | None


# What came in place of a revision is the next one, or the live point; a bucket's numbers have no holes but for a hole.
# Window and page are no parameters, for the plan depends on them: the newest by id, or those of the window, sorted.
_READ = """
select r.coin_id, r.id, r.ts, r.revision + 1, r.replaced_at, m.changed_by, m.note, {before}, {after}
from unnest(%(coins)s::int[]) as w (coin_id)
cross join lateral (
    select * from price_revisions r
    where r.coin_id = w.coin_id and r.currency_id = %(currency)s and r.granularity = %(granularity)s
      and r.ts >= {start} and r.ts < {end} and (%(before)s::bigint is null or r.id < %(before)s)
    order by r.id desc limit {limit}
) r
left join lateral (
    select {values} from price_revisions
    where coin_id = r.coin_id and currency_id = r.currency_id and granularity = r.granularity and ts = r.ts
      and revision = r.revision + 1
    union all
    select {values} from {table}
    where coin_id = r.coin_id and currency_id = r.currency_id and ts = r.ts and ts >= {start} and ts < {end}
      and revision = r.revision + 1
) a on true
left join manual_changes m on m.coin_id = r.coin_id and m.currency_id = r.currency_id
    and m.granularity = r.granularity and m.ts = r.ts and m.revision = r.revision + 1
order by r.coin_id, r.id desc
"""
_COUNT = """
select coin_id, count(*) from price_revisions
where coin_id = any(%(coins)s) and currency_id = %(currency)s and granularity = %(granularity)s
  and ts >= %(start)s and ts < %(end)s
group by coin_id
"""
_FIRST_VALUE = RevisionRow._fields.index("before")


async def list_revisions(
    connection: Connection,
    coin_ids: Sequence[int],
    currency_id: int,
    granularity: Granularity,
    window: Window,
    limit: int,
    before: int | None = None,
) -> dict[int, list[RevisionRow]]:
    """By coin up to `limit` changes of buckets inside the window, the newest first; only ids lower than `before`."""
    query = sql.SQL(_READ).format(
        before=_columns("r"),
        after=_columns("a"),
        values=_columns(),
        table=sql.Identifier(granularity.table),
        start=window.start,
        end=window.end,
        limit=limit,
    )
    parameters = _parameters(coin_ids, currency_id, granularity, window) | {"before": before}
    found: dict[int, list[RevisionRow]] = {coin: [] for coin in coin_ids}
    for row in await (await connection.execute(query, parameters)).fetchall():
        values = len(Values._fields)
        middle, end = _FIRST_VALUE + values, _FIRST_VALUE + 2 * values
        replaced, came = Values._make(row[_FIRST_VALUE:middle]), Values._make(row[middle:end])
        after = None if came.provider_id is None else came
        found[row[0]].append(RevisionRow._make((*row[:_FIRST_VALUE], replaced, after)))
    return found


async def count_revisions(
    connection: Connection, coin_ids: Sequence[int], currency_id: int, granularity: Granularity, window: Window
) -> dict[int, int]:
    """How many changes there are inside the window, by coin."""
    cursor = await connection.execute(_COUNT, _parameters(coin_ids, currency_id, granularity, window))
    return dict.fromkeys(coin_ids, 0) | dict(await cursor.fetchall())


def _parameters(
    coin_ids: Sequence[int], currency_id: int, granularity: Granularity, window: Window
) -> dict[str, object]:
    return {
        "coins": list(coin_ids),
        "currency": currency_id,
        "granularity": granularity.value,
        "start": window.start,
        "end": window.end,
    }


def _columns(*table: str) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(*table, name) for name in Values._fields)
