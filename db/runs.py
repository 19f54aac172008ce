"""Refresh runs and their tasks, as they are read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from db.tables import refresh_run_tasks, refresh_runs, refresh_tasks


class RunRow(NamedTuple):
    id: int
    status: str
    tasks_total: int
    tasks_open: int
    created_at: datetime
    started_at: datetime | None
    heartbeat_at: datetime | None
    resumes_at: datetime | None
    finished_at: datetime | None


class RunTotals(NamedTuple):
    """Sums over the tasks of a run; a task that two runs share counts in both."""

    requests: int = 0
    rows_inserted: int = 0
    rows_corrected: int = 0
    rows_unchanged: int = 0
    rows_rejected: int = 0
    retry_later: int = 0


class TaskRow(NamedTuple):
    id: int
    coin_id: int
    currency_id: int
    granularity: str
    provider_id: int
    from_ts: datetime
    to_ts: datetime
    status: str
    attempts: int
    requests: int
    rows_inserted: int
    rows_corrected: int
    rows_unchanged: int
    rows_rejected: int
    error_code: str | None
    error_message: str | None
    retry_at: datetime | None


# A failure that the same refresh would not meet again later.
RETRIED_LATER = ("PROVIDER_RATE_LIMITED",)


async def read_runs(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, RunRow]:
    query = select(*refresh_runs.c).where(refresh_runs.c.id.in_(ids))
    return {row.id: RunRow._make(row) for row in await connection.execute(query)}


async def read_tasks(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, TaskRow]:
    query = select(*refresh_tasks.c).where(refresh_tasks.c.id.in_(ids))
    return {row.id: TaskRow._make(row) for row in await connection.execute(query)}


async def list_runs(connection: AsyncConnection, limit: int, before: int | None) -> list[RunRow]:
    """Newest first; only runs older than the run `before`."""
    query = select(*refresh_runs.c).order_by(refresh_runs.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(refresh_runs.c.id < before)
    return [RunRow._make(row) for row in await connection.execute(query)]


async def count_runs(connection: AsyncConnection) -> int:
    return (await connection.execute(select(func.count()).select_from(refresh_runs))).scalar_one()


async def read_totals(connection: AsyncConnection, run_ids: Sequence[int]) -> dict[int, RunTotals]:
    """The sums of each run; a run without tasks has none."""
    t, link = refresh_tasks.c, refresh_run_tasks
    query = (
        select(
            link.c.run_id,
            func.sum(t.requests),
            func.sum(t.rows_inserted),
            func.sum(t.rows_corrected),
            func.sum(t.rows_unchanged),
            func.sum(t.rows_rejected),
            func.count().filter((t.status == "FAILED") & t.error_code.in_(RETRIED_LATER)),
        )
        .join(refresh_tasks, t.id == link.c.task_id)
        .where(link.c.run_id.in_(run_ids))
        .group_by(link.c.run_id)
    )
    return {row[0]: RunTotals._make(row[1:]) for row in await connection.execute(query)}


async def list_tasks(
    connection: AsyncConnection, run_id: int, statuses: Sequence[str] | None, limit: int, after: int | None
) -> list[TaskRow]:
    """A run's tasks by id, which is the order they were queued in."""
    query = (
        select(*refresh_tasks.c)
        .join(refresh_run_tasks, refresh_run_tasks.c.task_id == refresh_tasks.c.id)
        .where(refresh_run_tasks.c.run_id == run_id)
        .order_by(refresh_tasks.c.id)
        .limit(limit)
    )
    if statuses is not None:
        query = query.where(refresh_tasks.c.status.in_(statuses))
    if after is not None:
        query = query.where(refresh_tasks.c.id > after)
    return [TaskRow._make(row) for row in await connection.execute(query)]


async def count_tasks(connection: AsyncConnection, run_id: int, statuses: Sequence[str] | None) -> int:
    query = (
        select(func.count())
        .select_from(refresh_run_tasks)
        .join(refresh_tasks, refresh_tasks.c.id == refresh_run_tasks.c.task_id)
        .where(refresh_run_tasks.c.run_id == run_id)
    )
    if statuses is not None:
        query = query.where(refresh_tasks.c.status.in_(statuses))
    return (await connection.execute(query)).scalar_one()
