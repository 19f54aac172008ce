"""Syncs from the worker's side: claimed, moved on page by page, then ended or put aside.

Each claim has a number of its own, and only the newest one may write: a worker that was given up for dead and is not
stores nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg.types.json import Jsonb

from db.pool import Connection
from db.queue import enqueue_syncs
from db.tasks import TaskError


class SyncResult(StrEnum):
    SUCCEEDED = "SUCCEEDED"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"


class StoredStatus(StrEnum):
    OK = "OK"
    AUTH_FAILED = "AUTH_FAILED"
    INCOMPLETE = "INCOMPLETE"
    ERROR = "ERROR"


class SyncLost(Exception):
    """Somebody else works on this run now, or its account is gone: nothing more of it is to be stored."""


@dataclass(frozen=True, slots=True)
class ClaimedSync:
    """`progress` is what the last worker left, None at the beginning. `attempt` is the number of this claim.

    `known_until`: whatever happened before it is stored already; None: nobody has read the whole history so far.
    """

    id: int
    attempt: int
    account_id: int
    portfolio_id: int
    kind: str
    address: str | None
    key_name: str | None
    secret: bytes | None = field(repr=False)
    progress: Mapping[str, Any] | None
    known_until: datetime | None


@dataclass(frozen=True, slots=True)
class Step:
    """What was done since the last step."""

    progress: Mapping[str, Any]
    requests: int = 0
    transactions_new: int = 0


# A run that counts had read everything, and understood it; it knows of what was there when it began.
_CLAIM = """
with claimed as (
    update sync_runs
    set status = 'RUNNING', attempts = attempts + 1, started_at = coalesce(started_at, %(now)s),
        heartbeat_at = %(now)s, resumes_at = null
    where id = %(run)s and finished_at is null returning *
)
select c.id, c.attempts, c.account_id, a.portfolio_id, a.kind, a.address, a.key_name, a.secret, c.progress,
       (select max(o.started_at) from sync_runs o
        where o.account_id = c.account_id and o.id < c.id and o.progress->'history_read' = 'true'
          and o.progress->'unread' = '[]')
from claimed c join accounts a on a.id = c.account_id
"""
# The account first, as who removes it does.
_LOCK_ACCOUNT = "select from accounts where id = %s for no key update"
_LOCK_RUN = "select from sync_runs where id = %s and attempts = %s and finished_at is null for update"
_STEP = """
update sync_runs
set heartbeat_at = %(now)s, progress = %(progress)s, requests = requests + %(requests)s,
    transactions_new = transactions_new + %(new)s
where id = %(run)s
"""
_WAIT = """
update sync_runs
set status = 'WAITING_RATE_LIMIT', resumes_at = %(at)s, error_code = %(code)s, error_message = %(message)s
where id = %(run)s
"""
_FINISH = """
update sync_runs
set status = %(status)s, finished_at = %(now)s, error_code = %(code)s, error_message = %(message)s
where id = %(run)s
"""
# Only an answer that was read to its end says when the account was last known.
_SETTLE = """
update accounts
set status = %(status)s, problem = %(problem)s,
    last_synced_at = case when %(synced)s then %(now)s else last_synced_at end
where id = %(account)s
"""


async def claim_sync(connection: Connection, run_id: int, now: datetime) -> ClaimedSync | None:
    """Take the run for this attempt; None when it has ended already."""
    row = await (await connection.execute(_CLAIM, {"run": run_id, "now": now})).fetchone()
    return ClaimedSync(*row) if row else None


async def lock_sync(connection: Connection, sync: ClaimedSync) -> None:
    """Keep the run in this claim's hands until the transaction ends; every write for it begins so. Raises SyncLost."""
    await connection.execute(_LOCK_ACCOUNT, (sync.account_id,))
    if (await connection.execute(_LOCK_RUN, (sync.id, sync.attempt))).rowcount == 0:
        raise SyncLost(f"run {sync.id}")


async def step_sync(connection: Connection, sync: ClaimedSync, step: Step, now: datetime) -> None:
    """Note how far the run has come; in the transaction that stores what it brought."""
    given = {"progress": Jsonb(step.progress), "requests": step.requests, "new": step.transactions_new}
    await connection.execute(_STEP, given | {"run": sync.id, "now": now})


async def pass_on_sync(connection: Connection, sync: ClaimedSync) -> None:
    """Let others have their turn: the run goes on behind what waits in the queue."""
    await enqueue_syncs(connection, [sync.id])


async def defer_sync(connection: Connection, sync: ClaimedSync, at: datetime, error: TaskError) -> None:
    """Put the run aside until `at`."""
    await connection.execute(_WAIT, {"run": sync.id, "at": at, "code": error.code, "message": error.message})
    await enqueue_syncs(connection, [sync.id], at)


async def finish_sync(
    connection: Connection,
    sync: ClaimedSync,
    account: StoredStatus,
    now: datetime,
    error: TaskError | None = None,
    *,
    synced: bool,
) -> None:
    """End the run. `synced`: the balances have been reported; then what is wrong makes the run partial, not failed."""
    status = (SyncResult.PARTIAL if error else SyncResult.SUCCEEDED) if synced else SyncResult.FAILED
    code, message = (error.code, error.message) if error else (None, None)
    given = {"run": sync.id, "status": status.value, "code": code, "message": message, "now": now}
    await connection.execute(_FINISH, given)
    settled = {"account": sync.account_id, "status": account.value, "problem": message, "synced": synced, "now": now}
    await connection.execute(_SETTLE, settled)


async def has_other_key(connection: Connection, sync: ClaimedSync) -> bool:
    """Whether the account was given another key since the claim. The caller has locked the run."""
    cursor = await connection.execute("select secret from accounts where id = %s", (sync.account_id,))
    row = await cursor.fetchone()
    return bool(row and row[0] != sync.secret)
