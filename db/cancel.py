"""Cancelling a run."""

from __future__ import annotations

from datetime import datetime

from db.pool import Connection
from db.refresh import lock_planning
from db.tasks import skip_unwanted

# Workers lock a task first and its runs then, and so does this.
_LOCK_TASKS = """
select t.id from refresh_tasks t join refresh_run_tasks rt on rt.task_id = t.id
where rt.run_id = %s and t.status in ('PENDING', 'RUNNING', 'DEFERRED') order by t.id for update of t
"""
_CANCEL = """
update refresh_runs set status = 'CANCELLED', finished_at = %s, resumes_at = null, tasks_deferred = 0
where id = %s and finished_at is null
"""


async def cancel_run(connection: Connection, run_id: int, now: datetime) -> None:
    """End the run, and those of its tasks that no other open run shares; a run that has ended stays as it is.

    A task in a worker's hands goes on to the end of its request, and keeps what that brings. The caller holds the
    transaction.
    """
    await lock_planning(connection)
    tasks = [row[0] for row in await (await connection.execute(_LOCK_TASKS, (run_id,))).fetchall()]
    await connection.execute(_CANCEL, (now, run_id))
    await skip_unwanted(connection, tasks, now)
