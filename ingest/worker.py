"""The worker: takes jobs from the queue, and takes over those of workers that died."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import psycopg
import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.worker import Worker

from db.pool import Database
from db.providers import configure_budget, put_budget
from db.queue import FETCH_JOB, QUEUE, SYNC_JOB, list_started, requeue_orphans
from ingest.catalogue import keep_catalogue
from ingest.clock import Stopped, SystemClock
from ingest.fetch import Fetcher
from ingest.jobs import Jobs
from ingest.providers.coingecko import NAME, CoinGecko, budget_of, make_client
from ingest.schedule import keep_schedule
from ingest.settings import IngestSettings
from ingest.spot import SpotPass
from ingest.syncs.opening import BUDGETS, Sources
from ingest.syncs.run import Syncer

log = structlog.get_logger()

# A worker that has not been heard of for STALLED_SECONDS is dead; its jobs are looked for every SWEEP_SECONDS. Together
# they bound the time to a takeover.
HEARTBEAT_SECONDS = 5.0
STALLED_SECONDS = 30.0
SWEEP_SECONDS = 10.0
# What a batch in progress gets to end after SIGTERM.
GRACE_SECONDS = 20.0
_RESTART_SECONDS = 2.0


async def run_worker(database: Database, database_url: str, settings: IngestSettings, ready: asyncio.Event) -> None:
    """Work until cancelled. `ready` is set once the configured coins are known."""
    clock = SystemClock()
    budget = budget_of(settings)
    async with make_client(settings) as client:
        provider = CoinGecko(client, budget.reach_days)
        async with database.transaction() as connection:
            await configure_budget(connection, NAME, budget, settings.simulated)
            for source_budget in BUDGETS.values():
                await put_budget(connection, source_budget)
        syncer = Syncer(database, Sources.of(settings, clock), clock)
        fetcher = Fetcher(database, provider, budget.key, clock)
        async with asyncio.TaskGroup() as group:
            group.create_task(_stop_at_end(clock))
            group.create_task(keep_catalogue(database, provider, budget.key, clock, settings, ready))
            group.create_task(_keep_working(database, database_url, fetcher, syncer, settings.concurrency))
            spot = SpotPass(database, provider, budget.key, clock)
            group.create_task(keep_schedule(database, spot, clock, settings, ready))


async def _stop_at_end(clock: SystemClock) -> None:
    """When the worker is cancelled, jobs that wait for their turn end too; those that fetch or store go on."""
    try:
        await asyncio.Event().wait()
    finally:
        clock.stop()


async def _keep_working(
    database: Database, database_url: str, fetcher: Fetcher, syncer: Syncer, concurrency: int
) -> None:
    """Run the queue's worker; when the database goes away, start it again until the database is back."""
    while True:
        try:
            async with _open_queue(database_url, fetcher, syncer) as app, asyncio.TaskGroup() as group:
                jobs = Jobs()
                worker = _make_worker(app, concurrency, jobs)
                sweeping = group.create_task(_sweep(database, worker, jobs))
                await worker.run()  # type: ignore[no-untyped-call]  # ends by itself when a part of it fails
                sweeping.cancel()
        except* (psycopg.Error, ConnectorException) as errors:
            log.warning("the queue was lost, starting again", problem=str(errors.exceptions[0]))
        await asyncio.sleep(_RESTART_SECONDS)


def _make_worker(app: App, concurrency: int, jobs: Jobs) -> Worker:
    return Worker(
        app,
        worker_middleware=[jobs.note],
        queues=[QUEUE],
        concurrency=concurrency,
        install_signal_handlers=False,
        fetch_job_polling_interval=1.0,
        update_heartbeat_interval=HEARTBEAT_SECONDS,
        stalled_worker_timeout=STALLED_SECONDS,
        shutdown_graceful_timeout=GRACE_SECONDS,
        # The tasks keep the history; a finished job is of no use.
        delete_jobs="always",
    )


async def _sweep(database: Database, worker: Worker, jobs: Jobs) -> None:
    """Queue the tasks and syncs of dead workers again, and those that lost their job."""
    while True:
        if worker.worker_id is not None:
            # The worker's own heartbeat ends for good, and in silence, the first time that it fails.
            await worker.app.job_manager.update_heartbeat(worker.worker_id)
        async with database.transaction() as connection:
            lost = jobs.find_lost(await list_started(connection, worker.worker_id))
            orphans = await requeue_orphans(connection, STALLED_SECONDS, lost)
        if any(orphans):
            log.warning("taking over what nobody works on", tasks=orphans.tasks, syncs=orphans.syncs)
        await asyncio.sleep(SWEEP_SECONDS)


@contextlib.asynccontextmanager
async def _open_queue(database_url: str, fetcher: Fetcher, syncer: Syncer) -> AsyncIterator[App]:
    connector = PsycopgConnector(conninfo=database_url, min_size=1, max_size=4, kwargs={"connect_timeout": 5})
    app = App(connector=connector)

    @app.task(name=FETCH_JOB, queue=QUEUE)
    async def fetch(task_id: int) -> None:
        try:
            await fetcher.run_task(task_id)
        except Stopped:
            log.info("leaving a task to another worker", task=task_id)
        except Exception:
            log.exception("a task failed unexpectedly", task=task_id)
            await fetcher.abandon_task(task_id)
            raise

    @app.task(name=SYNC_JOB, queue=QUEUE)
    async def sync(run_id: int) -> None:
        try:
            await syncer.run_sync(run_id)
        except Stopped:
            log.info("leaving a sync to another worker", run=run_id)
        except Exception:
            log.exception("a sync failed unexpectedly", run=run_id)
            await syncer.abandon_sync(run_id)
            raise

    async with app.open_async():
        yield app
