"""Refresh tasks from the worker's side: claimed, then finished or deferred, with their runs kept in step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from db.pool import Connection
from db.prices import Written
from db.queue import enqueue_tasks
from db.series import Granularity, Series, Window


class TaskStatus(StrEnum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    UPDATED = "UPDATED"
    UNCHANGED = "UNCHANGED"
    SKIPPED = "SKIPPED"
    DEFERRED = "DEFERRED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class TaskError:
    """`code` is one of the API's error codes; `message` holds nothing internal."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ClaimedTask:
    id: int
    series: Series
    granularity: Granularity
    window: Window
    provider_id: int
    attempts: int
    provider_coin_id: str
    currency: str


# A task left RUNNING by a worker that died is claimed like any other: the job's lock says that nobody works on it.
_CLAIM = """
with before as (
    select id, status from refresh_tasks
    where id = %(id)s and status in ('PENDING', 'RUNNING', 'DEFERRED') for update
), claimed as (
    update refresh_tasks t
    set status = 'RUNNING', attempts = attempts + 1, started_at = coalesce(started_at, %(now)s), retry_at = null
    from before where t.id = before.id
    returning t.*, before.status = 'DEFERRED' as was_deferred
), touched as (
    update refresh_runs r
    set status = 'RUNNING', started_at = coalesce(r.started_at, %(now)s), heartbeat_at = %(now)s, resumes_at = null,
        tasks_deferred = r.tasks_deferred - (select was_deferred from claimed)::int
    where r.id in (select rt.run_id from refresh_run_tasks rt join refresh_runs o on o.id = rt.run_id
                   where rt.task_id = (select id from claimed) and o.finished_at is null
                   order by rt.run_id for update of o)
)
select c.id, c.coin_id, c.currency_id, c.granularity, c.from_ts, c.to_ts, c.provider_id, c.attempts,
       p.provider_coin_id, y.code
from claimed c
join currencies y on y.id = c.currency_id
join lateral (select provider_coin_id from coin_provider_ids i
              where i.coin_id = c.coin_id and i.provider_id = c.provider_id and not i.former limit 1) p on true
"""

_FINISH = """
update refresh_tasks
set status = %(status)s, finished_at = %(now)s, requests = requests + %(requests)s,
    rows_inserted = rows_inserted + %(inserted)s, rows_corrected = rows_corrected + %(corrected)s,
    rows_unchanged = rows_unchanged + %(unchanged)s, rows_rejected = rows_rejected + %(rejected)s,
    error_code = %(code)s, error_message = %(message)s, retry_at = null
where id = %(id)s and status = 'RUNNING'
"""
_DEFER = """
update refresh_tasks
set status = 'DEFERRED', retry_at = %(at)s, requests = requests + %(requests)s,
    error_code = %(code)s, error_message = %(message)s
where id = %(id)s and status = 'RUNNING'
"""

# The counters of a run change with its tasks, so that settling costs the same however many tasks the run has; only
# the last task counts outcomes. A cancelled run goes on counting the tasks that others share or a worker still had.
_STEP = """
update refresh_runs r
set heartbeat_at = %(now)s,
    tasks_open = r.tasks_open - %(closed)s,
    tasks_deferred = r.tasks_deferred + case when r.finished_at is null then %(deferred)s else 0 end
where r.id in (select rt.run_id from refresh_run_tasks rt join refresh_runs o on o.id = rt.run_id
               where rt.task_id = %(task)s and o.tasks_open > 0 order by rt.run_id for update of o)
returning r.id, r.tasks_open, r.tasks_deferred, r.finished_at is not null
"""
_CLOSE = """
update refresh_runs r
set finished_at = %(now)s,
    status = case when o.failed = 0 then 'SUCCEEDED' when o.failed = o.total then 'FAILED' else 'PARTIAL' end
from (select count(*) filter (where t.status = 'FAILED') as failed, count(*) as total
      from refresh_run_tasks rt join refresh_tasks t on t.id = rt.task_id where rt.run_id = %(run)s) o
where r.id = %(run)s
"""
# Every run that has such a task was cancelled, so only their counts change.
_SKIP = """
with skipped as (
    update refresh_tasks t
    set status = 'SKIPPED', finished_at = %(now)s, retry_at = null, error_code = null, error_message = null
    where t.id = any(%(tasks)s) and t.status in ('PENDING', 'DEFERRED')
      and not exists (select from refresh_run_tasks rt join refresh_runs o on o.id = rt.run_id
                      where rt.task_id = t.id and o.finished_at is null)
    returning t.id
), counted as (
    select rt.run_id, count(*) as tasks from skipped join refresh_run_tasks rt on rt.task_id = skipped.id
    group by rt.run_id order by rt.run_id
), stepped as (
    update refresh_runs r set tasks_open = r.tasks_open - counted.tasks from counted where r.id = counted.run_id
)
select id from skipped
"""
_WAIT = """
update refresh_runs r
set status = 'WAITING_RATE_LIMIT',
    resumes_at = (select min(t.retry_at) from refresh_run_tasks rt join refresh_tasks t on t.id = rt.task_id
                  where rt.run_id = r.id and t.status = 'DEFERRED')
where r.id = %(run)s
"""


async def claim_task(connection: Connection, task_id: int, now: datetime) -> ClaimedTask | None:
    """Take the task for this attempt; None when it has ended already."""
    row = await (await connection.execute(_CLAIM, {"id": task_id, "now": now})).fetchone()
    if row is None:
        return None
    id_, coin, currency, granularity, start, end, provider, attempts, provider_coin_id, code = row
    return ClaimedTask(
        id_,
        Series(coin, currency),
        Granularity(granularity),
        Window(start, end),
        provider,
        attempts,
        provider_coin_id,
        code,
    )


async def finish_task(
    connection: Connection,
    task_id: int,
    status: TaskStatus,
    now: datetime,
    *,
    written: Written | None = None,
    rejected: int = 0,
    requests: int = 1,
    error: TaskError | None = None,
) -> None:
    """End the task. A second finish of the same task changes nothing."""
    written = written or Written()
    cursor = await connection.execute(
        _FINISH,
        {
            "id": task_id,
            "status": status.value,
            "now": now,
            "requests": requests,
            "inserted": written.inserted,
            "corrected": written.corrected,
            "unchanged": written.unchanged,
            "rejected": rejected,
            "code": error.code if error else None,
            "message": error.message if error else None,
        },
    )
    if cursor.rowcount:
        await _step_runs(connection, task_id, now, closed=1, deferred=0)


async def defer_task(
    connection: Connection, task_id: int, at: datetime, now: datetime, error: TaskError, requests: int
) -> None:
    """Put the task aside until `at`, and queue it for then; unless its runs were cancelled meanwhile."""
    cursor = await connection.execute(
        _DEFER, {"id": task_id, "at": at, "requests": requests, "code": error.code, "message": error.message}
    )
    if cursor.rowcount and not await skip_unwanted(connection, [task_id], now):
        await _step_runs(connection, task_id, now, closed=0, deferred=1)
        await enqueue_tasks(connection, [task_id], at)


async def skip_unwanted(connection: Connection, task_ids: Sequence[int], now: datetime) -> list[int]:
    """End those of the tasks that wait and that no open run has any more; answers which. The caller has locked them."""
    cursor = await connection.execute(_SKIP, {"tasks": list(task_ids), "now": now})
    return [row[0] for row in await cursor.fetchall()]


async def _step_runs(connection: Connection, task_id: int, now: datetime, closed: int, deferred: int) -> None:
    cursor = await connection.execute(_STEP, {"task": task_id, "now": now, "closed": closed, "deferred": deferred})
    for run, open_, waiting, cancelled in await cursor.fetchall():
        if cancelled:
            continue
        if open_ == 0:
            await connection.execute(_CLOSE, {"run": run, "now": now})
        elif open_ == waiting:
            await connection.execute(_WAIT, {"run": run})
