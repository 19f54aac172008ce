"""Prices that people set by hand, and take back."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from psycopg import sql

from db.pool import Connection
from db.prices import Point, lock_series, upsert_points
from db.reference import PROVIDER_IDS
from db.series import Granularity, Series
from db.versions import renew_version

MANUAL = PROVIDER_IDS["MANUAL"]


class Bucket(NamedTuple):
    """One place in a series."""

    series: Series
    granularity: Granularity
    ts: datetime

    @property
    def parameters(self) -> dict[str, object]:
        return {
            "coin": self.series.coin_id,
            "currency": self.series.currency_id,
            "granularity": self.granularity.value,
            "ts": self.ts,
            "manual": MANUAL,
        }


class Change(NamedTuple):
    """Who changes a price by hand, when and why."""

    by: str
    at: datetime
    note: str | None


_KEEP = """
insert into price_revisions (coin_id, currency_id, granularity, ts, revision, price, market_cap, volume_24h, high, low,
                             observed_at, provider_id, replaced_at)
select coin_id, currency_id, %(granularity)s, ts, revision, price, market_cap, volume_24h, high, low, observed_at,
       provider_id, %(now)s
from {table} where coin_id = %(coin)s and currency_id = %(currency)s and ts = %(ts)s and provider_id = %(manual)s
returning revision
"""
# By the rank rule the last source that was no person is the best one.
_RESTORE = """
update {table} p
set price = v.price, market_cap = v.market_cap, volume_24h = v.volume_24h, high = v.high, low = v.low,
    observed_at = v.observed_at, provider_id = v.provider_id, revision = p.revision + 1
from (
    select * from price_revisions
    where coin_id = %(coin)s and currency_id = %(currency)s and granularity = %(granularity)s and ts = %(ts)s
      and provider_id <> %(manual)s
    order by revision desc limit 1
) v
where p.coin_id = %(coin)s and p.currency_id = %(currency)s and p.ts = %(ts)s
"""
_DELETE = "delete from {table} where coin_id = %(coin)s and currency_id = %(currency)s and ts = %(ts)s"
_REVISION = "select revision from {table} where coin_id = %(coin)s and currency_id = %(currency)s and ts = %(ts)s"
_NOTE = """
insert into manual_changes (coin_id, currency_id, granularity, ts, revision, note, changed_by, changed_at)
values (%(coin)s, %(currency)s, %(granularity)s, %(ts)s, %(revision)s, %(note)s, %(by)s, %(at)s)
"""


async def set_manual_price(connection: Connection, bucket: Bucket, point: Point, change: Change) -> int | None:
    """Store a price that no provider overwrites. The caller holds the transaction.

    Answers the revision of the point that came of it; None when exactly this was set before.
    """
    written = await upsert_points(connection, bucket.series, bucket.granularity, MANUAL, [point], change.at)
    revision = None
    if written.inserted or written.corrected:
        cursor = await connection.execute(_for(_REVISION, bucket), bucket.parameters)
        row = await cursor.fetchone()
        assert row is not None
        revision = row[0]
    await _note(connection, bucket, change, revision)
    return revision


async def remove_manual_price(connection: Connection, bucket: Bucket, change: Change) -> int | None:
    """Bring back what the best provider said before; where none had said anything, leave a hole for the next refresh.

    Answers the revision that came of it; None when no price was set by hand. The caller holds the transaction.
    """
    await lock_series(connection, bucket.series)
    cursor = await connection.execute(_for(_KEEP, bucket), bucket.parameters | {"now": change.at})
    row = await cursor.fetchone()
    if row is None:
        return None
    revision: int = row[0] + 1
    restored = await connection.execute(_for(_RESTORE, bucket), bucket.parameters)
    if not restored.rowcount:
        await connection.execute(_for(_DELETE, bucket), bucket.parameters)
    await renew_version(connection, bucket.series, bucket.granularity)
    await _note(connection, bucket, change, revision)
    return revision


async def _note(connection: Connection, bucket: Bucket, change: Change, revision: int | None) -> None:
    given = {"revision": revision, "note": change.note, "by": change.by, "at": change.at}
    await connection.execute(_NOTE, bucket.parameters | given)


def _for(query: str, bucket: Bucket) -> sql.Composed:
    return sql.SQL(query).format(table=sql.Identifier(bucket.granularity.table))
