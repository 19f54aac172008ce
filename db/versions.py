"""Versions of series: whoever kept something of a series knows by its version whether that is still what is stored.

A version changes with every write to a bucket that began a day ago or earlier, in the same transaction. Younger buckets
change all the time; nobody may keep them before they are older than RECHECK, which leaves a day for clocks that differ.
Whoever changes prices with SQL by hand, or restores a backup, also runs
update series_versions set version = default.
"""

from __future__ import annotations

from datetime import timedelta

from db.pool import Connection
from db.series import RECHECK, Granularity, Series

# How old a bucket is when a change of it makes a new version.
SETTLED = RECHECK / 2
assert timedelta(0) < SETTLED < RECHECK

_RENEW = """
insert into series_versions (coin_id, currency_id, granularity) values (%s, %s, %s)
on conflict (coin_id, currency_id, granularity) do update set version = excluded.version
"""


async def renew_version(connection: Connection, series: Series, granularity: Granularity) -> None:
    """Say that something old has changed. The caller holds the transaction of that change, and the series lock."""
    await connection.execute(_RENEW, (series.coin_id, series.currency_id, granularity.value))
