"""One refresh task: fetch its window, bucket it, store everything in one transaction.

At least once, plus upsert: a crash anywhere costs a repeated request, never a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from db.fetches import Fetch, Outcome, list_fetches, record_answer
from db.planning import days_of
from db.pool import Connection, Database
from db.prices import Written, upsert_latest, upsert_points
from db.series import HOUR, RECHECK, Granularity, Window, ceil, complete, floor, nearest
from db.tasks import ClaimedTask, TaskError, TaskStatus, claim_task, defer_task, finish_task
from ingest.buckets import list_empty, to_point, to_points
from ingest.clock import Clock
from ingest.errors import MAX_ATTEMPTS, Kind, ProviderError, code_of, is_final
from ingest.issues import report_answer, report_failure
from ingest.pacing import Pacer
from ingest.providers.coingecko import CoinGecko, reaches_now
from ingest.providers.coingecko_history import History

log = structlog.get_logger()

# CoinGecko caches answers up to 30 minutes, so a bucket that is missing may come after that. When it does not, the next
# question waits twice as long as the last one did: an answer that was empty by mistake is mended within the hour, and
# what really is not there costs some ten requests in a month.
_FIRST_EXPIRY = timedelta(minutes=30)
_LAST_EXPIRY = timedelta(days=30)

_EMPTY = (Outcome.NO_DATA, Outcome.REJECTED)
_OUTCOMES = {
    Kind.RATE_LIMITED: Outcome.RATE_LIMITED,
    Kind.QUOTA: Outcome.RATE_LIMITED,
    Kind.PLAN: Outcome.PLAN_LIMIT,
}


class Fetcher:
    """Runs tasks against one provider."""

    def __init__(self, database: Database, provider: CoinGecko, budget_key: str, clock: Clock) -> None:
        self._database = database
        self._provider = provider
        self._budget_key = budget_key
        self._clock = clock

    async def run_task(self, task_id: int) -> None:
        """Bring the task to an end, or put it aside until the provider may be asked again."""
        async with self._database.transaction() as connection:
            task = await claim_task(connection, task_id, self._clock.now())
        if task is None:
            return
        pacer = Pacer(self._database, self._budget_key, self._clock)
        try:
            history = await pacer.call(lambda: self._fetch(task))
        except ProviderError as error:
            await self._give_way(task, error, pacer.requests)
            return
        async with self._database.transaction() as connection:
            await _store(connection, task, history, self._clock.now(), pacer.requests)

    async def abandon_task(self, task_id: int) -> None:
        """After a fault of our own: leave the task open for another attempt, unless it has had enough."""
        now = self._clock.now()
        problem = TaskError("INTERNAL", "the worker failed on this task; its log says why")
        async with self._database.transaction() as connection:
            task = await claim_task(connection, task_id, now)
            if task and task.attempts > MAX_ATTEMPTS:
                await finish_task(connection, task_id, TaskStatus.FAILED, now, requests=0, error=problem)

    async def _fetch(self, task: ClaimedTask) -> History:
        return await self._provider.fetch_history(
            task.provider_coin_id, task.currency, task.granularity, task.window, self._clock.now()
        )

    async def _give_way(self, task: ClaimedTask, error: ProviderError, requests: int) -> None:
        now = self._clock.now()
        problem = TaskError(code_of(error), error.message)
        log.warning("fetch failed", task=task.id, kind=error.kind.value, problem=error.message)
        async with self._database.transaction() as connection:
            await report_failure(connection, task, error, now)
            if is_final(error, task.attempts):
                await _record_failure(connection, task, error, now)
                await finish_task(connection, task.id, TaskStatus.FAILED, now, requests=requests, error=problem)
            else:
                at = now + timedelta(seconds=error.retry_after or 60)
                await defer_task(connection, task.id, at, now, problem, requests)


async def _store(connection: Connection, task: ClaimedTask, history: History, now: datetime, requests: int) -> None:
    written = Written()
    for granularity, window in _targets(task):
        points = to_points(history.samples, granularity, _answered(task, window, granularity, now), now)
        written += await upsert_points(connection, task.series, granularity, task.provider_id, points, now)
        earlier = (await list_fetches(connection, [task.series], granularity, window))[task.series]
        ended = complete(window, now, granularity.width)
        left = [
            Fetch(empty, _outcome(empty, history, granularity), now, now + _patience(empty, earlier, now))
            for empty in list_empty(points, granularity, ended)
        ]
        await record_answer(connection, task.series, granularity, task.provider_id, window, left)
    if history.latest:
        sample = to_point(history.latest, history.latest.at)
        await upsert_latest(connection, task.series, task.provider_id, sample)
    await report_answer(connection, task, history, now)
    status = TaskStatus.UPDATED if written.inserted or written.corrected else TaskStatus.UNCHANGED
    await finish_task(
        connection, task.id, status, now, written=written, rejected=len(history.rejected), requests=requests
    )


def _targets(task: ClaimedTask) -> list[tuple[Granularity, Window]]:
    """What one answer fills."""
    if task.granularity is Granularity.DAILY:
        return [(Granularity.DAILY, task.window)]
    return [(Granularity.HOURLY, task.window), (Granularity.DAILY, days_of(task.window))]


def _answered(task: ClaimedTask, window: Window, granularity: Granularity, now: datetime) -> Window:
    """The buckets to store from the answer: an answer up to now also holds the running bucket's start, and what the
    provider may have corrected since.
    """
    if not reaches_now(task.window, now):
        return window
    width = granularity.width
    return Window(min(window.start, ceil(now - RECHECK, width)), max(window.end, floor(now, width) + width))


def _outcome(empty: Window, history: History, granularity: Granularity) -> Outcome:
    """Why a stretch without a point has none: there was nothing, or nothing that passed the checks."""
    refused = (floor(nearest(row.time, HOUR), granularity.width) for row in history.rejected if row.time)
    return Outcome.REJECTED if any(empty.start <= bucket < empty.end for bucket in refused) else Outcome.NO_DATA


def _patience(empty: Window, earlier: Sequence[Fetch], now: datetime) -> timedelta:
    """How long to leave a stretch alone that was empty before, or is so for the first time."""
    asked = [one.asked_at for one in earlier if one.outcome in _EMPTY and one.window.overlaps(empty)]
    return min(max(2 * (now - max(asked, default=now)), _FIRST_EXPIRY), _LAST_EXPIRY)


async def _record_failure(connection: Connection, task: ClaimedTask, error: ProviderError, now: datetime) -> None:
    outcome = _OUTCOMES.get(error.kind, Outcome.PROVIDER_ERROR)
    next_attempt = now + timedelta(seconds=error.retry_after) if error.retry_after else None
    for granularity, window in _targets(task):
        fetch = Fetch(window, outcome, now, next_attempt)
        await record_answer(connection, task.series, granularity, task.provider_id, window, [fetch])
