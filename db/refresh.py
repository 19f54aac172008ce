"""Refreshes from the API's side: planned, recorded and queued in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from db.batches import in_batches
from db.fetches import Outcome, list_fetches
from db.missing import list_holes, list_provisional
from db.planning import PlannedTask, days_of, oldest_allowed, plan_series
from db.pool import Connection
from db.providers import ProviderRow, read_provider
from db.queue import enqueue_tasks
from db.recording import find_run, insert_run, insert_tasks
from db.series import Granularity, Series, Window, complete, floor
from db.windows import clip, subtract

# Any fixed number: planning is one at a time, so that two refreshes of the same thing see each other's tasks.
_PLANNING_LOCK = 7_204_511_961
# A statement over so many takes a fraction of a second; over ten thousand coins it could run into its timeout.
_SERIES_AT_ONCE = 500
_TASKS_AT_ONCE = 1_000
# Jobs that are done are deleted, so mostly the queue is empty, and PostgreSQL plans for an empty table: the checks of
# foreign keys look through all of it for each row. Once the first of many tasks are there, it is to count again.
_COUNT_ANEW = "analyze refresh_tasks, procrastinate_jobs"


@dataclass(frozen=True, slots=True)
class RefreshRequest:
    """What to refresh. Without `start` the history window applies, without `end` everything up to now.

    `asked` is the request as it was written: what an idempotency key stands for.
    """

    series: Sequence[Series]
    granularities: Sequence[Granularity]
    history_days: int
    asked: Mapping[str, Any]
    start: datetime | None = None
    end: datetime | None = None
    force: bool = False

    def window(self, granularity: Granularity, now: datetime) -> Window:
        """The complete buckets that the request speaks of."""
        start = self.start or floor(now, granularity.width) - timedelta(days=self.history_days)
        return complete(Window(start, self.end or now), now, granularity.width)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a refresh would do: `tasks` to make, `joined` that another run has open already.

    `points` counts the missing buckets of the tasks; `beyond_plan` says that older buckets were asked for than the
    provider's plan answers for, and `oldest` where its history begins.
    """

    tasks: list[PlannedTask] = field(default_factory=list)
    joined: list[int] = field(default_factory=list)
    points: int = 0
    seconds: float = 0.0
    beyond_plan: bool = False
    oldest: datetime | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """`repeated`: the idempotency key named a run that was there already; then there is no plan."""

    run_id: int
    plan: Plan
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class _OpenTask:
    id: int
    granularity: Granularity
    window: Window
    retry_at: datetime | None

    @property
    def days(self) -> Window:
        """The daily buckets that the task fills."""
        return days_of(self.window) if self.granularity is Granularity.HOURLY else self.window


async def record_refresh(
    connection: Connection,
    request: RefreshRequest,
    now: datetime,
    requested_by: str,
    idempotency_key: str | None = None,
) -> Recorded:
    """Record a run with its tasks and queue them. The caller holds the transaction."""
    await lock_planning(connection)
    if idempotency_key and (run_id := await find_run(connection, request.asked, now, requested_by, idempotency_key)):
        return Recorded(run_id, Plan(), repeated=True)
    provider = await read_provider(connection, "COINGECKO")
    plan = await _plan(connection, request, provider, now)
    task_ids = list(plan.joined)
    for number, tasks in enumerate(in_batches(plan.tasks, _TASKS_AT_ONCE)):
        if number == 1:
            await connection.execute(_COUNT_ANEW)
        inserted = await insert_tasks(connection, tasks, provider.id, now)
        await enqueue_tasks(connection, inserted)
        task_ids += inserted
    run_id = await insert_run(connection, request.asked, now, requested_by, idempotency_key, task_ids)
    return Recorded(run_id, plan)


async def lock_planning(connection: Connection) -> None:
    """Nobody else records or cancels a run until the transaction ends: both decide by which tasks are shared."""
    await connection.execute("select pg_advisory_xact_lock(%s)", (_PLANNING_LOCK,))


async def plan_refresh(connection: Connection, request: RefreshRequest, now: datetime) -> Plan:
    """What `record_refresh` would do now; changes nothing."""
    return await _plan(connection, request, await read_provider(connection, "COINGECKO"), now)


async def _plan(connection: Connection, request: RefreshRequest, provider: ProviderRow, now: datetime) -> Plan:
    """In batches, so that neither a statement's time nor the memory grows with the number of series."""
    oldest = oldest_allowed(now, provider.reach_days)
    tasks: list[PlannedTask] = []
    joined: list[int] = []
    points = 0
    for batch in in_batches(request.series, _SERIES_AT_ONCE):
        part = await _plan_batch(connection, replace(request, series=batch), now, oldest)
        tasks += part.tasks
        joined += part.joined
        points += part.points
    tasks.sort(key=lambda task: task.window.end, reverse=True)
    beyond = any(request.window(one, now).start < oldest for one in request.granularities)
    return Plan(tasks, joined, points, len(tasks) * provider.seconds_per_call, beyond, oldest)


async def _plan_batch(connection: Connection, request: RefreshRequest, now: datetime, oldest: datetime) -> Plan:
    """The tasks, in no particular order, and what they bring."""
    open_tasks = await _list_open_tasks(connection, request.series)
    hourly = await _list_missing(connection, request, Granularity.HOURLY, now, oldest)
    daily = await _list_missing(connection, request, Granularity.DAILY, now, oldest)
    tasks: list[PlannedTask] = []
    joined: list[int] = []
    points = 0
    for series in request.series:
        hours, days = hourly.get(series, []), daily.get(series, [])
        shared = [task for task in open_tasks.get(series, []) if _helps(task, hours, days)]
        hours = subtract(hours, [task.window for task in shared if task.granularity is Granularity.HOURLY])
        days = subtract(days, [task.days for task in shared])
        joined += [task.id for task in shared]
        tasks += plan_series(series, hours, days)
        points += _count(hours, Granularity.HOURLY) + _count(days, Granularity.DAILY)
    return Plan(tasks, joined, points)


async def _list_missing(
    connection: Connection, request: RefreshRequest, granularity: Granularity, now: datetime, oldest: datetime
) -> dict[Series, list[Window]]:
    """The buckets worth asking for: empty or provisional, within the plan, and not known to be empty there."""
    if granularity not in request.granularities:
        return {}
    window = request.window(granularity, now)
    window = Window(max(window.start, oldest), window.end)
    if window.start >= window.end:
        return {}
    if request.force:
        return {series: [window] for series in request.series}
    holes = await list_holes(connection, request.series, granularity, window)
    provisional = await list_provisional(connection, request.series, granularity, window)
    fetches = await list_fetches(connection, request.series, granularity, window)
    return {
        series: subtract(
            holes[series] + provisional.get(series, []),
            [
                fetch.window
                for fetch in fetches[series]
                if fetch.outcome is Outcome.NO_DATA and (fetch.expires_at is None or fetch.expires_at > now)
            ],
        )
        for series in request.series
    }


def _helps(task: _OpenTask, hours: Sequence[Window], days: Sequence[Window]) -> bool:
    """Whether the open task will fill some of the missing buckets."""
    if task.granularity is Granularity.HOURLY and clip(hours, task.window):
        return True
    return bool(clip(days, task.days))


def _count(windows: Sequence[Window], granularity: Granularity) -> int:
    return sum(window.buckets(granularity.width) for window in windows)


async def _list_open_tasks(connection: Connection, series: Sequence[Series]) -> dict[Series, list[_OpenTask]]:
    cursor = await connection.execute(
        """
        select t.id, t.coin_id, t.currency_id, t.granularity, t.from_ts, t.to_ts, t.retry_at
        from refresh_tasks t join unnest(%s::int[], %s::smallint[]) as w (coin_id, currency_id)
            using (coin_id, currency_id)
        where t.status in ('PENDING', 'RUNNING', 'DEFERRED') order by t.id
        """,
        ([one.coin_id for one in series], [one.currency_id for one in series]),
    )
    found: dict[Series, list[_OpenTask]] = {}
    for id_, coin, currency, granularity, start, end, retry_at in await cursor.fetchall():
        task = _OpenTask(id_, Granularity(granularity), Window(start, end), retry_at)
        found.setdefault(Series(coin, currency), []).append(task)
    return found
