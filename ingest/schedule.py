"""The schedule: a refresh of everything at the ticks of a cron expression, and a spot pass after each full hour; at
those of another one a sync of every account.

Of any number of workers one takes a tick. Of the ticks that passed while no worker ran the newest one is made up; so
the first worker of an installation begins to fill it at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import psycopg
import structlog

from db.coins import list_tracked
from db.currencies import list_currencies, series_of
from db.pool import Database
from db.refresh import RefreshRequest, record_refresh
from db.schedule import take_tick
from db.series import Granularity
from db.syncs import list_due_accounts, request_sync
from ingest.clock import Clock
from ingest.cron import last_tick, next_tick
from ingest.errors import ProviderError
from ingest.settings import IngestSettings
from ingest.spot import SpotPass

log = structlog.get_logger()

REQUESTED_BY = "schedule"
REFRESH_JOB = "refresh"
SPOT_JOB = "spot"
SYNC_JOB = "sync"
# A minute late, so that the provider has a sample from after the full hour.
SPOT_CRON = "1 * * * *"
_RETRY_SECONDS = 30.0
# A sleep does not notice when the machine sleeps too or its clock is set, so none is long.
_LONGEST_SLEEP = 60.0


class Schedule:
    """What is due, and when the next thing will be; at least one of the two crons is given."""

    def __init__(
        self,
        database: Database,
        spot: SpotPass,
        clock: Clock,
        cron: str | None,
        history_days: int,
        sync_cron: str | None = None,
    ) -> None:
        self._database = database
        self._spot = spot
        self._clock = clock
        self._history_days = history_days
        self._jobs: list[tuple[str, str, Callable[[datetime], Awaitable[bool]]]] = []
        if cron is not None:
            self._jobs += [(REFRESH_JOB, cron, self._refresh), (SPOT_JOB, SPOT_CRON, self._ask_spot)]
        if sync_cron is not None:
            self._jobs.append((SYNC_JOB, sync_cron, self._sync))
        self._past: dict[str, datetime] = {}

    @property
    def next(self) -> datetime:
        now = self._clock.now()
        return min(next_tick(cron, now) for _, cron, _ in self._jobs)

    async def run_due(self) -> None:
        """Do what is due and nobody else has begun; raises psycopg.Error when the database is away."""
        for job, cron, work in self._jobs:
            tick = last_tick(cron, self._clock.now())
            if tick != self._past.get(job) and await work(tick):
                self._past[job] = tick

    async def _refresh(self, tick: datetime) -> bool:
        """False as long as there is nothing to refresh: then the tick waits, for it may be the first fill."""
        now = self._clock.now()
        async with self._database.transaction() as connection:
            series = series_of(await list_tracked(connection), await list_currencies(connection))
            if not series:
                return False
            if not await take_tick(connection, REFRESH_JOB, tick):
                return True
            request = RefreshRequest(
                series=series,
                granularities=list(Granularity),
                history_days=self._history_days,
                asked={"by": REQUESTED_BY},
            )
            recorded = await record_refresh(connection, request, now, REQUESTED_BY)
        log.info("refresh recorded", run=recorded.run_id, tasks=len(recorded.plan.tasks))
        return True

    async def _ask_spot(self, tick: datetime) -> bool:
        async with self._database.transaction() as connection:
            if not await take_tick(connection, SPOT_JOB, tick):
                return True
        try:
            result = await self._spot.run()
        except ProviderError as error:
            log.warning("no spot prices this hour", kind=error.kind.value, problem=error.message)
        else:
            log.info("spot prices", latest=result.latest, points=result.points, rejected=result.rejected)
        return True

    async def _sync(self, tick: datetime) -> bool:
        async with self._database.transaction() as connection:
            if await take_tick(connection, SYNC_JOB, tick):
                accounts = await list_due_accounts(connection)
                await request_sync(connection, accounts, REQUESTED_BY, self._clock.now())
        return True


async def keep_schedule(
    database: Database, spot: SpotPass, clock: Clock, settings: IngestSettings, ready: asyncio.Event
) -> None:
    """Keep the schedule, if there is one, from when the coins are known."""
    if settings.refresh_cron is None and settings.sync_cron is None:
        return
    await ready.wait()
    cron, sync_cron = settings.refresh_cron, settings.sync_cron
    schedule = Schedule(database, spot, clock, cron, settings.history_days, sync_cron)
    while True:
        pause = _LONGEST_SLEEP
        try:
            await schedule.run_due()
            pause = min(pause, (schedule.next - clock.now()).total_seconds())
        except psycopg.Error as error:
            log.warning("the schedule waits for the database", problem=str(error))
            pause = _RETRY_SECONDS
        await clock.sleep(pause)
