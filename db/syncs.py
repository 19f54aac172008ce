"""Syncs from the API's side: asked for, and read. `db.sync_runs` has the worker's side.

A sync is a run like a refresh: recorded and queued in one transaction. An account has one open run at most, by a unique
index: who asks again gets that one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg import sql

from db.pool import Connection
from db.queue import enqueue_syncs


class SyncRow(NamedTuple):
    """`transactions_new` counts what the run has stored; `error_message` is in words."""

    id: int
    account_id: int
    status: str
    requested_by: str
    requests: int
    transactions_new: int
    error_code: str | None
    error_message: str | None
    created_at: datetime
    started_at: datetime | None
    heartbeat_at: datetime | None
    resumes_at: datetime | None
    finished_at: datetime | None


# The lock is that of a run that ends: with it none opens or ends until the caller's transaction does.
_LOCK = """
select a.id from accounts a join portfolios p on p.id = a.portfolio_id
where a.id = any(%(accounts)s) and a.kind <> 'MANUAL' and (%(owner)s::text is null or p.owner = %(owner)s)
order by a.id for no key update of a
"""
_OPEN = """
insert into sync_runs (account_id, status, requested_by, created_at)
select account, 'QUEUED', %(by)s, %(now)s from unnest(%(accounts)s::bigint[]) account order by account
on conflict (account_id) where finished_at is null do nothing returning id
"""
_FIND_OPEN = "select account_id, id from sync_runs where account_id = any(%s) and finished_at is null"
# The key of an account that was refused would be refused again, at best.
_DUE = "select id from accounts where kind <> 'MANUAL' and status <> 'AUTH_FAILED' order by id"

_COLUMNS = sql.SQL(", ").join(sql.Identifier("r", name) for name in SyncRow._fields)
_OWNED = sql.SQL("join accounts a on a.id = r.account_id join portfolios p on p.id = a.portfolio_id")
_READ = sql.SQL("select {} from sync_runs r {} where p.owner = %s and r.id = any(%s)").format(_COLUMNS, _OWNED)
_LIST = sql.SQL("""
select {} from unnest(%(accounts)s::bigint[]) as w (id) cross join lateral (
    select * from sync_runs where account_id = w.id and id < %(before)s order by id desc limit %(limit)s
) r {} where p.owner = %(owner)s order by r.account_id, r.id desc
""").format(_COLUMNS, _OWNED)
_NEWEST = 2**63 - 1


async def request_sync(
    connection: Connection, account_ids: Sequence[int], requested_by: str, now: datetime, *, owner: str | None = None
) -> dict[int, int]:
    """The open run of each account, recorded and queued where there was none.

    Manual accounts are left out; with an `owner` so are those of others. Owners do not wait behind what is to be done
    anyway, as for the schedule, which asks without one. The caller holds the transaction.
    """
    cursor = await connection.execute(_LOCK, {"accounts": list(account_ids), "owner": owner})
    accounts = [row[0] for row in await cursor.fetchall()]
    cursor = await connection.execute(_OPEN, {"accounts": accounts, "by": requested_by, "now": now})
    opened = [row[0] for row in await cursor.fetchall()]
    await enqueue_syncs(connection, opened, first=owner is not None)
    return dict(await (await connection.execute(_FIND_OPEN, (accounts,))).fetchall())


async def list_due_accounts(connection: Connection) -> list[int]:
    """The accounts that the schedule syncs."""
    return [row[0] for row in await (await connection.execute(_DUE)).fetchall()]


async def read_syncs(connection: Connection, owner: str, ids: Sequence[int]) -> dict[int, SyncRow]:
    rows = await (await connection.execute(_READ, (owner, list(ids)))).fetchall()
    return {row.id: row for row in map(SyncRow._make, rows)}


async def list_syncs(
    connection: Connection, owner: str, account_ids: Sequence[int], limit: int, before: int | None = None
) -> dict[int, list[SyncRow]]:
    """Up to `limit` runs of each account, the newest first; only those older than the run `before`."""
    given = {"accounts": list(account_ids), "owner": owner, "limit": limit, "before": before or _NEWEST}
    found: dict[int, list[SyncRow]] = {account: [] for account in account_ids}
    for row in map(SyncRow._make, await (await connection.execute(_LIST, given)).fetchall()):
        found[row.account_id].append(row)
    return found
