"""Real workers, killed, stopped, doubled and cut off from their database: nothing is lost, twice or different."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from db.migrate import migrate
from db.pool import open_database
from db.series import Granularity, Window
from ingest.providers.coingecko import make_client
from ingest.settings import IngestSettings, Plan
from pricegraph.commands import address
from pricegraph.serve import listen, serving
from simulator.app import create_simulator
from simulator.settings import SimulatorSettings
from tests.postgres_servers import embedded_server
from tests.programs import BIN, PATIENCE_SECONDS, environment
from tests.world import PLENTY, FakeClock, Simulated, World

pytestmark = pytest.mark.slow

COINS, CURRENCIES = ("bitcoin", "solana"), ("usd", "eur")
DAYS = 100
TASKS = 8  # two windows for each of four series
OPEN = "select count(*) from refresh_runs where finished_at is null"
UNFINISHED = "select count(*) from refresh_tasks where status in ('PENDING', 'RUNNING', 'DEFERRED')"


class RealClock(FakeClock):
    """This machine's time, for workers keep no other."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def timestamp(self) -> float:
        return self.now().timestamp()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@asynccontextmanager
async def open_site(database_url: str) -> AsyncIterator[World]:
    """A world in real time that knows its coins already, as after the first start of a worker."""
    listener = listen("127.0.0.1", 0)
    limits = SimulatorSettings(demo_per_minute=PLENTY)
    async with serving(create_simulator(limits), listener), open_database(database_url) as database:
        url = address(listener)
        settings = IngestSettings(Plan.DEMO, "CG-demo", f"{url}/coingecko/api/v3", PLENTY, True, COINS, CURRENCIES)
        world = World(database, database_url, Simulated(url), RealClock(), settings, make_client(settings))
        await world.configure()
        await world.know(COINS, CURRENCIES)
        yield world
        await world.client.aclose()
        await world.simulator.close()


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[World]:
    async with open_site(database_url) as world:
        yield world


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A PostgreSQL of our own, which may crash."""
    with embedded_server() as url:
        migrate(url)
        yield url


@asynccontextmanager
async def worker(world: World, log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """`pricegraph worker`, killed with the block if it has not ended before."""
    env = environment(
        DATABASE_URL=world.database_url,
        COINGECKO_URL=str(world.settings.coingecko_url),
        COINGECKO_PLAN="demo",
        COINGECKO_API_KEY="CG-demo",
        COINGECKO_CALLS_PER_MINUTE=str(PLENTY),
        PRICEGRAPH_COINS=",".join(COINS),
        PRICEGRAPH_CURRENCIES=",".join(CURRENCIES),
        PRICEGRAPH_RATE_CURRENCIES="off",
        PRICEGRAPH_REFRESH_CRON="off",
    )
    with log.open("ab") as output:
        command = (str(BIN / "pricegraph"), "worker")
        process = await asyncio.create_subprocess_exec(*command, env=env, stdout=output, stderr=output)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until(condition: Callable[[], Awaitable[bool]], what: str, seconds: float = PATIENCE_SECONDS) -> float:
    """Wait for it, and say how long that took."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    while not await condition():
        assert loop.time() - start < seconds, f"{what}: not within {seconds} s"
        await asyncio.sleep(0.02)
    return loop.time() - start


async def requests_made(world: World, count: int) -> None:
    async def enough() -> bool:
        return len(await world.simulator.requests()) >= count

    await until(enough, f"{count} requests")


async def all_done(world: World, seconds: float = PATIENCE_SECONDS) -> float:
    async def done() -> bool:
        return bool(await world.scalar(OPEN) == 0)

    return await until(done, "the end of the run", seconds)


async def workers_alive(world: World, count: int) -> None:
    query = "select count(*) from procrastinate_workers where last_heartbeat > now() - interval '30 seconds'"

    async def alive() -> bool:
        return bool(await world.scalar(query) == count)

    await until(alive, f"{count} workers at work")


async def age_heartbeats(world: World) -> None:
    """A minute passes, as far as the queue can see."""
    await world.execute("update procrastinate_workers set last_heartbeat = last_heartbeat - interval '1 minute'")


async def record(world: World) -> dict[Granularity, Window]:
    """A refresh of everything, and the windows that it has to fill."""
    order = await world.request(history_days=DAYS)
    await world.record(history_days=DAYS)
    return {granularity: order.window(granularity, world.clock.now()) for granularity in Granularity}


async def assert_filled(world: World, windows: dict[Granularity, Window]) -> None:
    """No run and no task is open, no job is left, and the tables are the truth."""
    assert await world.scalar("select array_agg(distinct status) from refresh_runs") == ["SUCCEEDED"]
    assert await world.scalar(UNFINISHED) == 0
    assert await world.scalar("select count(*) from price_revisions") == 0
    for granularity, window in windows.items():
        first, end = int(window.start.timestamp()), int(window.end.timestamp())
        for coin in COINS:
            for currency in CURRENCIES:
                truth = await world.simulator.truth(coin, currency, granularity, window.start, window.end)
                stored = await world.stored(coin, currency, granularity)
                assert [row for row in stored if first <= row[0] < end] == truth, (coin, currency, granularity)


async def assert_batches_are_whole(world: World) -> None:
    """What is stored is what finished tasks say they stored: a batch is there with its task, or not at all."""
    inserted = await world.scalar(
        "select coalesce(sum(rows_inserted), 0)::int from refresh_tasks where status = 'UPDATED'"
    )
    for_tables = "select (select count(*) from price_hourly) + (select count(*) from price_daily)"
    assert await world.scalar(for_tables) == inserted


async def assert_nothing_was_asked_twice(world: World) -> None:
    """The tasks know of every request. Of two workers at the same task one would end it; what the other asked would be
    written down nowhere. A request that got no answer in time, and was made again, is.
    """
    known = await world.scalar("select sum(requests)::int from refresh_tasks")
    assert TASKS <= len(await world.simulator.requests()) <= known


@pytest.mark.parametrize("seed", range(10))
async def test_a_worker_killed_at_any_moment_costs_no_row(
    site: World, admin_url: str, seed: int, tmp_path: Path
) -> None:
    dice = random.Random(f"{seed} {'host=' in admin_url}")
    await site.simulator.fault("slow", arg=0.15)
    windows = await record(site)

    async with worker(site, tmp_path / "log") as victim:
        await requests_made(site, 1)
        await asyncio.sleep(dice.uniform(0, 0.6))
        victim.kill()
        await victim.wait()
    await assert_batches_are_whole(site)
    await age_heartbeats(site)

    async with worker(site, tmp_path / "log") as fresh:
        await workers_alive(site, 1)
        await all_done(site)
        fresh.terminate()
        assert await asyncio.wait_for(fresh.wait(), PATIENCE_SECONDS) == 0
    await assert_filled(site, windows)
    assert await site.scalar("select count(*) from procrastinate_jobs") == 0


async def test_sigterm_ends_the_batch_and_then_the_worker_and_the_rest_resumes(site: World, tmp_path: Path) -> None:
    await site.simulator.fault("slow", arg=0.5)
    windows = await record(site)
    async with worker(site, tmp_path / "log") as first:
        await requests_made(site, 1)
        first.terminate()
        assert await asyncio.wait_for(first.wait(), PATIENCE_SECONDS) == 0, (tmp_path / "log").read_text()
    await assert_batches_are_whole(site)
    assert 0 < await site.scalar(UNFINISHED) < TASKS
    assert await site.scalar("select count(*) from procrastinate_jobs where status = 'doing'") == 0

    async with worker(site, tmp_path / "log"):
        await all_done(site)

    await assert_nothing_was_asked_twice(site)
    await assert_filled(site, windows)


async def test_two_workers_make_no_more_requests_than_one(site: World, tmp_path: Path) -> None:
    await site.simulator.fault("slow", arg=0.3)
    async with worker(site, tmp_path / "log"), worker(site, tmp_path / "log"):
        await workers_alive(site, 2)
        windows = await record(site)
        await all_done(site)
    await assert_nothing_was_asked_twice(site)
    await assert_filled(site, windows)


async def test_a_living_worker_takes_over_from_a_dead_one_within_90_seconds(
    server: str, tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    async with open_site(server) as site:
        await site.simulator.fault("slow", arg=3.0)
        windows = await record(site)
        async with worker(site, tmp_path / "victim") as victim:
            await requests_made(site, 4)
            async with worker(site, tmp_path / "other") as other:
                await requests_made(site, TASKS)
                victim.kill()
                await victim.wait()
                await site.simulator.heal()
                seconds = await all_done(site, 90)
                record_property("takeover_seconds", round(seconds, 1))
                assert other.returncode is None
        await assert_filled(site, windows)
        assert await site.scalar("select max(attempts) from refresh_tasks") == 2


async def test_a_worker_survives_a_crash_of_its_database(server: str, tmp_path: Path) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("create database crashing")
    url = server.replace("/postgres?", "/crashing?")
    migrate(url)
    async with open_site(url) as site:
        await site.simulator.fault("slow", arg=0.4)
        windows = await record(site)
        async with worker(site, tmp_path / "log") as survivor:
            for made in (1, 5):
                await requests_made(site, made)
                crash(url)
                await until(lambda: answers(url), "the database")
            await all_done(site)
            assert survivor.returncode is None
        await assert_filled(site, windows)


def crash(url: str) -> None:
    """A server process that dies takes all others with it, and the server recovers from its log."""
    with psycopg.connect(url) as connection:
        os.kill(connection.info.backend_pid, signal.SIGKILL)


async def answers(url: str) -> bool:
    try:
        async with await psycopg.AsyncConnection.connect(url, connect_timeout=2) as connection:
            await connection.execute("select 1")
    except psycopg.OperationalError:
        return False
    return True


async def test_a_worker_whose_connections_are_cut_at_random_loses_no_row(site: World, tmp_path: Path) -> None:
    await site.simulator.fault("slow", arg=0.4)
    dice = random.Random(1)
    windows = await record(site)
    async with worker(site, tmp_path / "log") as survivor:
        await requests_made(site, 1)
        for _ in range(12):
            cut_one(site.database_url, dice)
            await asyncio.sleep(dice.uniform(0, 0.1))
        await all_done(site, 240)  # what was cut off is noticed after 40 s, and may be cut off again
        assert survivor.returncode is None
    await assert_filled(site, windows)


def cut_one(url: str, dice: random.Random) -> None:
    """Any connection but the one that cuts; the test's own pool tries each before it is used."""
    clients = "datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()"
    with psycopg.connect(url) as connection:
        found = connection.execute(f"select pid from pg_stat_activity where {clients} order by pid").fetchall()
        if found:
            connection.execute("select pg_terminate_backend(%s)", dice.choice(found))


async def test_a_worker_whose_heartbeat_failed_once_goes_on_working(site: World, tmp_path: Path) -> None:
    heartbeat = "procrastinate_update_heartbeat_v1"
    log = tmp_path / "log"
    async with worker(site, log) as survivor:
        await site.execute(f"alter function {heartbeat} rename to missing")

        async def noticed() -> bool:
            return "the queue was lost, starting again" in log.read_text()

        await until(noticed, "a heartbeat")
        await site.execute(f"alter function missing rename to {heartbeat}")
        windows = await record(site)
        await all_done(site)
        assert survivor.returncode is None
    await assert_filled(site, windows)


async def test_tasks_are_taken_up_again_whose_jobs_could_not_be_ended(site: World, tmp_path: Path) -> None:
    """The worker lives, and the queue takes it to be at work on them still."""
    finish = "procrastinate_finish_job_v1"
    log = tmp_path / "log"
    async with worker(site, log) as survivor:
        await workers_alive(site, 1)
        await site.execute(f"alter function {finish} rename to missing; alter table series_versions rename to absent")
        windows = await record(site)

        async def failed() -> bool:
            return all(f'"task": {task}, "event": "a task failed' in log.read_text() for task in range(1, TASKS + 1))

        await until(failed, "the failure of all tasks")
        await site.execute(f"alter function missing rename to {finish}; alter table absent rename to series_versions")
        await all_done(site)
        assert survivor.returncode is None
    await assert_filled(site, windows)


async def test_jobs_that_wait_for_a_provider_are_not_taken_from_their_worker(site: World, tmp_path: Path) -> None:
    await site.simulator.fault("429", count=1, arg=25)  # sat out, while the worker looks for lost jobs twice
    log = tmp_path / "log"
    async with worker(site, log):
        await workers_alive(site, 1)
        windows = await record(site)
        await all_done(site)
    await assert_filled(site, windows)
    assert "taking over" not in log.read_text()
    assert await site.scalar("select max(attempts) from refresh_tasks") == 1
