"""The job queue: procrastinate's tables.

A job only says "look at this task", or "at this sync"; `refresh_tasks` and `sync_runs` own the state.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from db.pool import Connection

QUEUE = "ingest"
FETCH_JOB = "fetch"
SYNC_JOB = "sync"
_SWEEP_LOCK = 7_204_511_962


class Orphans(NamedTuple):
    """What was open and had no job any more."""

    tasks: list[int]
    syncs: list[int]


# procrastinate's own function, called on the caller's connection: the tasks and their jobs commit together, and ten
# thousand of them are one statement. The locks keep a task from being queued twice, or run twice at once.
_ENQUEUE = """
select procrastinate_defer_jobs_v1(array_agg(
    row(%(queue)s, %(job)s, %(priority)s, %(lock)s::text || number, %(lock)s::text || number,
        jsonb_build_object(%(argument)s::text, number), %(at)s::timestamptz)::procrastinate_job_to_defer_v1
    order by place))
from unnest(%(ids)s::bigint[]) with ordinality as t (number, place)
where not exists (select from procrastinate_jobs j
                  where j.queueing_lock = %(lock)s::text || number and j.status = 'todo')
"""

# Retrying such a job, as procrastinate would, fails when its task has been queued again since; and no job is needed for
# a task that has ended. So it goes, and what is still open becomes an orphan. No job takes a quarter of an hour: one
# that seems to hangs.
_FORGET_LOST = """
delete from procrastinate_jobs j
where j.queue_name = %(queue)s and j.status = 'doing'
  and (j.id = any(%(lost)s)
       or not exists (select from procrastinate_workers w
                      where w.id = j.worker_id and w.last_heartbeat > now() - make_interval(secs => %(seconds)s))
       or (select max(e.at) from procrastinate_events e where e.job_id = j.id and e.type = 'started')
          < now() - interval '15 minutes')
"""
_STARTED = "select id from procrastinate_jobs where worker_id = %s and status = 'doing'"
_ORPHANS = """
select t.id from refresh_tasks t
where t.status in ('PENDING', 'RUNNING', 'DEFERRED')
  and not exists (select from procrastinate_jobs j
                  where j.lock = 'task:' || t.id and j.status in ('todo', 'doing'))
order by t.id
"""
_ORPHAN_SYNCS = """
select r.id from sync_runs r
where r.finished_at is null
  and not exists (select from procrastinate_jobs j
                  where j.lock = 'sync:' || r.id and j.status in ('todo', 'doing'))
order by r.id
"""


async def enqueue_tasks(connection: Connection, task_ids: Sequence[int], at: datetime | None = None) -> None:
    """Queue one job for each task that has none waiting, in this order; not before `at`."""
    if task_ids:
        given = {"job": FETCH_JOB, "lock": "task:", "argument": "task_id", "priority": 0}
        await connection.execute(_ENQUEUE, given | {"queue": QUEUE, "ids": list(task_ids), "at": at})


async def enqueue_syncs(
    connection: Connection, run_ids: Sequence[int], at: datetime | None = None, *, first: bool = False
) -> None:
    """As for tasks; those that are to be `first` go before everything that does not say so."""
    if run_ids:
        given = {"job": SYNC_JOB, "lock": "sync:", "argument": "run_id", "priority": int(first)}
        await connection.execute(_ENQUEUE, given | {"queue": QUEUE, "ids": list(run_ids), "at": at})


async def list_started(connection: Connection, worker_id: int | None) -> set[int]:
    """The jobs that the queue takes this worker to be at work on; none while it is not registered."""
    return {row[0] for row in await (await connection.execute(_STARTED, (worker_id,))).fetchall()}


async def requeue_orphans(connection: Connection, stalled_seconds: float, lost: Collection[int] = ()) -> Orphans:
    """Queue the open tasks and syncs that no job stands for: their job ended in an error, its worker was not heard of
    for so long, it is `lost`, or it hangs.

    The caller holds the transaction; its lock keeps two sweepers from queueing the same task.
    """
    await connection.execute("select pg_advisory_xact_lock(%s)", (_SWEEP_LOCK,))
    await connection.execute(_FORGET_LOST, {"queue": QUEUE, "seconds": stalled_seconds, "lost": list(lost)})
    tasks = [row[0] for row in await (await connection.execute(_ORPHANS)).fetchall()]
    syncs = [row[0] for row in await (await connection.execute(_ORPHAN_SYNCS)).fetchall()]
    await enqueue_tasks(connection, tasks)
    await enqueue_syncs(connection, syncs)
    return Orphans(tasks, syncs)
