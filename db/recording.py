"""Runs and tasks as they are written: new ones, and what an idempotency key named before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from db.planning import PlannedTask
from db.pool import Connection

KEY_LIFETIME = timedelta(hours=24)


class IdempotencyConflict(Exception):
    """The key was used within 24 hours for a different request."""


async def find_run(
    connection: Connection, asked: Mapping[str, Any], now: datetime, requested_by: str, key: str
) -> int | None:
    """The run that this key named already; raises IdempotencyConflict if that was asked for in other words."""
    cursor = await connection.execute(
        """
        select id, request from refresh_runs
        where requested_by = %s and idempotency_key = %s and created_at > %s order by created_at desc limit 1
        """,
        (requested_by, key, now - KEY_LIFETIME),
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    if row[1] != asked:
        raise IdempotencyConflict(key)
    return int(row[0])


async def insert_tasks(
    connection: Connection, tasks: Sequence[PlannedTask], provider_id: int, now: datetime
) -> list[int]:
    """Ids in the order of the tasks."""
    if not tasks:
        return []
    cursor = await connection.execute(
        """
        insert into refresh_tasks (coin_id, currency_id, granularity, provider_id, from_ts, to_ts, created_at)
        select coin, currency, granularity, %(provider)s, from_ts, to_ts, %(now)s
        from unnest(%(coins)s::int[], %(currencies)s::smallint[], %(granularities)s::text[],
                    %(starts)s::timestamptz[], %(ends)s::timestamptz[])
            with ordinality as t (coin, currency, granularity, from_ts, to_ts, place)
        order by place returning id
        """,
        {
            "provider": provider_id,
            "now": now,
            "coins": [task.series.coin_id for task in tasks],
            "currencies": [task.series.currency_id for task in tasks],
            "granularities": [task.granularity.value for task in tasks],
            "starts": [task.window.start for task in tasks],
            "ends": [task.window.end for task in tasks],
        },
    )
    return [row[0] for row in await cursor.fetchall()]


# The joined tasks are locked first: one that ends in this moment is either counted as open here or not at all.
_INSERT_RUN = """
with linked as (
    select id, status, retry_at from refresh_tasks where id = any(%(tasks)s) order by id for update
), state as (
    select count(*) as total,
           count(*) filter (where status in ('PENDING', 'RUNNING', 'DEFERRED')) as open,
           count(*) filter (where status = 'DEFERRED') as deferred,
           count(*) filter (where status in ('FAILED', 'SKIPPED')) as failed,
           min(retry_at) filter (where status = 'DEFERRED') as resumes_at
    from linked
), run as (
    insert into refresh_runs (status, requested_by, idempotency_key, request, tasks_total, tasks_open, tasks_deferred,
                              created_at, started_at, finished_at, resumes_at)
    select case when open > deferred then 'QUEUED' when open > 0 then 'WAITING_RATE_LIMIT'
                when failed = 0 then 'SUCCEEDED' when failed = total then 'FAILED' else 'PARTIAL' end,
           %(by)s, %(key)s, %(request)s, total, open, deferred, %(now)s,
           case when open = 0 then %(now)s::timestamptz end, case when open = 0 then %(now)s::timestamptz end,
           case when open = deferred then resumes_at end
    from state returning id
), links as (
    insert into refresh_run_tasks (run_id, task_id) select run.id, linked.id from run, linked
)
select id from run
"""


async def insert_run(
    connection: Connection,
    asked: Mapping[str, Any],
    now: datetime,
    requested_by: str,
    key: str | None,
    task_ids: Sequence[int],
) -> int:
    """The run's id. It has ended already if all of its tasks have, or if there is none."""
    cursor = await connection.execute(
        _INSERT_RUN,
        {
            "tasks": list(task_ids),
            "by": requested_by,
            "key": key,
            "request": orjson.dumps(asked).decode(),
            "now": now,
        },
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])
