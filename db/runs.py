"""Refresh runs and their tasks, as they are read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import sql

from db.coins import COIN_COLUMNS, CoinRow
from db.currencies import CURRENCY_COLUMNS, CurrencyRow
from db.pool import Connection


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
    coin: CoinRow
    currency: CurrencyRow


# A failure that the same refresh would not meet again later.
_RETRIED_LATER = {"retried_later": ["PROVIDER_RATE_LIMITED"]}

_NEWEST = 2**63 - 1
_RUN_COLUMNS = sql.SQL(", ").join(sql.Identifier("r", name) for name in RunRow._fields)
# What a task itself says; its coin and its currency follow.
_TASK_FIELDS = TaskRow._fields[:-2]
_CURRENCY = len(_TASK_FIELDS) + len(CoinRow._fields)
_TASK_COLUMNS = sql.SQL(", ").join(
    [*(sql.Identifier("t", name) for name in _TASK_FIELDS), COIN_COLUMNS, CURRENCY_COLUMNS]
)
_NAMES = sql.SQL("join coins c on c.id = t.coin_id join currencies y on y.id = t.currency_id")
_TASKS = sql.SQL("select {} from refresh_tasks t {} where t.id = any(%s)").format(_TASK_COLUMNS, _NAMES)
_CHOSEN = """
from unnest(%(runs)s::bigint[]) as w (run_id) cross join lateral (
    select t.* from refresh_run_tasks rt join refresh_tasks t on t.id = rt.task_id
    where rt.run_id = w.run_id and rt.task_id > %(after)s
      and (%(statuses)s::text[] is null or t.status = any(%(statuses)s))
    order by rt.task_id {limit}
) t
"""
_COUNT_TASKS = sql.SQL("select w.run_id, count(*) " + _CHOSEN + " group by w.run_id").format(limit=sql.SQL(""))
_SUMS = sql.SQL("""
select coalesce(sum(t.requests), 0), coalesce(sum(t.rows_inserted), 0), coalesce(sum(t.rows_corrected), 0),
       coalesce(sum(t.rows_unchanged), 0), coalesce(sum(t.rows_rejected), 0),
       count(*) filter (where t.status = 'FAILED' and t.error_code = any(%(retried_later)s))
from refresh_run_tasks rt join refresh_tasks t on t.id = rt.task_id where rt.run_id = r.id
""")
_TOTALS = sql.SQL("select r.id, s.* from unnest(%(runs)s::bigint[]) as r (id) cross join lateral ({}) s").format(_SUMS)
_PAGE = sql.SQL("select * from refresh_runs where id < %(before)s order by id desc limit %(limit)s")
_RUNS = sql.SQL("select {} from ({}) r").format(_RUN_COLUMNS, _PAGE)
_RUNS_WITH_TOTALS = sql.SQL("select {}, s.* from ({}) r cross join lateral ({}) s order by r.id desc").format(
    _RUN_COLUMNS, _PAGE, _SUMS
)


async def read_runs(connection: Connection, ids: Sequence[int]) -> dict[int, RunRow]:
    query = sql.SQL("select {} from refresh_runs r where r.id = any(%s)").format(_RUN_COLUMNS)
    rows = await (await connection.execute(query, (list(ids),))).fetchall()
    return {row.id: row for row in map(RunRow._make, rows)}


async def list_runs(
    connection: Connection, limit: int, before: int | None, *, totals: bool
) -> list[tuple[RunRow, RunTotals | None]]:
    """Newest first, with their sums if they are wanted; only runs older than the run `before`."""
    query = _RUNS_WITH_TOTALS if totals else _RUNS
    parameters = {"before": _NEWEST if before is None else before, "limit": limit, **_RETRIED_LATER}
    rows = await (await connection.execute(query, parameters)).fetchall()
    width = len(RunRow._fields)
    return [(RunRow._make(row[:width]), RunTotals(*row[width:]) if totals else None) for row in rows]


async def count_runs(connection: Connection) -> int:
    row = await (await connection.execute("select count(*) from refresh_runs")).fetchone()
    return row[0] if row else 0


async def read_totals(connection: Connection, run_ids: Sequence[int]) -> dict[int, RunTotals]:
    """The sums of each run."""
    cursor = await connection.execute(_TOTALS, {"runs": list(run_ids), **_RETRIED_LATER})
    return {run: RunTotals(*sums) for run, *sums in await cursor.fetchall()}


async def read_tasks(connection: Connection, ids: Sequence[int]) -> dict[int, TaskRow]:
    rows = await (await connection.execute(_TASKS, (list(ids),))).fetchall()
    return {task.id: task for task in map(_task, rows)}


async def list_tasks(
    connection: Connection, run_ids: Sequence[int], statuses: Sequence[str] | None, limit: int, after: int | None
) -> dict[int, list[TaskRow]]:
    """Up to `limit` tasks of each run, by id, which is the order they were queued in; only those behind `after`."""
    query = sql.SQL("select w.run_id, {columns} " + _CHOSEN + " {names} order by w.run_id, t.id").format(
        columns=_TASK_COLUMNS, names=_NAMES, limit=sql.SQL("limit {}").format(limit)
    )
    parameters = {"runs": list(run_ids), "statuses": _array(statuses), "after": after or 0}
    found: dict[int, list[TaskRow]] = {run: [] for run in run_ids}
    for run, *row in await (await connection.execute(query, parameters)).fetchall():
        found[run].append(_task(row))
    return found


async def count_tasks(connection: Connection, run_ids: Sequence[int], statuses: Sequence[str] | None) -> dict[int, int]:
    parameters = {"runs": list(run_ids), "statuses": _array(statuses), "after": 0}
    cursor = await connection.execute(_COUNT_TASKS, parameters)
    return dict.fromkeys(run_ids, 0) | dict(await cursor.fetchall())


def _array(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)


def _task(row: Sequence[Any]) -> TaskRow:
    own, coin, currency = row[: len(_TASK_FIELDS)], row[len(_TASK_FIELDS) : _CURRENCY], row[_CURRENCY:]
    return TaskRow._make((*own, CoinRow._make(coin), CurrencyRow._make(currency)))
