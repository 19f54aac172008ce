"""The runs that came of refreshes, and their tasks; for any number of runs on a page one statement each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from db.pool import Database
from db.runs import RunRow, RunTotals, TaskRow, count_runs, count_tasks, list_runs, list_tasks, read_runs
from resolvers.errors import ApiError, Code
from resolvers.paging import Page, check_page_size, decode_cursor, make_page

if TYPE_CHECKING:
    from resolvers.context import Context


@dataclass(frozen=True, slots=True)
class TaskKey:
    """Tasks of one run: in these states, if there are any given; at most `limit`, only ids higher than `after`."""

    run_id: int
    statuses: tuple[str, ...] | None
    limit: int
    after: int | None


class TaskLoader:
    """Loads many keys at once: one statement for all runs of which the same is asked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, keys: list[TaskKey]) -> list[list[TaskRow]]:
        found: dict[TaskKey, list[TaskRow]] = {}
        async with self._database.connection() as connection:
            for one, runs in _grouped(keys).items():
                rows = await list_tasks(connection, runs, one.statuses, one.limit, one.after)
                found |= {replace(one, run_id=run): rows[run] for run in runs}
        return [found[key] for key in keys]

    async def count(self, keys: list[TaskKey]) -> list[int]:
        found: dict[TaskKey, int] = {}
        async with self._database.connection() as connection:
            for one, runs in _grouped(keys).items():
                counts = await count_tasks(connection, runs, one.statuses)
                found |= {replace(one, run_id=run): counts[run] for run in runs}
        return [found[key] for key in keys]


async def resolve_run(context: Context, run_id: int) -> RunRow:
    async with context.database.connection() as connection:
        found = await read_runs(connection, [run_id])
    if run_id not in found:
        raise ApiError(Code.NOT_FOUND, "there is no such run; `refreshRuns` lists them", field=["id"])
    return found[run_id]


async def resolve_run_page(context: Context, first: int, after: str | None, *, totals: bool) -> Page[RunRow]:
    """`totals`: what is summed over their tasks is going to be asked for."""
    check_page_size(first)
    key = decode_cursor(after, "runs", int)
    async with context.database.connection() as connection:
        found = await list_runs(connection, first + 1, int(key[0]) if key else None, totals=totals)
    context.run_totals.prime_many({run.id: sums for run, sums in found if sums})
    return make_page([run for run, _ in found], first, after, lambda row: ["runs", row.id])


async def resolve_run_count(context: Context) -> int:
    async with context.database.connection() as connection:
        return await count_runs(connection)


def make_task_key(run_id: int, statuses: Sequence[str] | None, first: int, after: str | None) -> TaskKey:
    check_page_size(first)
    cursor = decode_cursor(after, "tasks", int)
    states = None if statuses is None else tuple(statuses)
    return TaskKey(run_id, states, first + 1, int(cursor[0]) if cursor else None)


async def resolve_task_page(context: Context, key: TaskKey, first: int, after: str | None) -> Page[TaskRow]:
    """In the order they were queued, loaded together with those of other runs that are asked for alongside."""
    rows = await context.tasks.load(key)
    return make_page(rows, first, after, lambda row: ["tasks", row.id])


async def resolve_exit_code(context: Context, run: RunRow) -> int | None:
    """0 all fetched, 1 some failed or cancelled, 2 all failed, 75 try later; None while the run goes on."""
    match run.status:
        case "SUCCEEDED":
            return 0
        case "PARTIAL" | "CANCELLED":
            return 1
        case "WAITING_RATE_LIMIT":
            return 75
        case "FAILED":
            totals: RunTotals = await context.run_totals.load(run.id)
            return 75 if totals.retry_later == run.tasks_total else 2
    return None


def _grouped(keys: Sequence[TaskKey]) -> dict[TaskKey, list[int]]:
    """The runs of which the same is asked, by a key without a run."""
    groups: dict[TaskKey, list[int]] = defaultdict(list)
    for key in keys:
        groups[replace(key, run_id=0)].append(key.run_id)
    return groups
