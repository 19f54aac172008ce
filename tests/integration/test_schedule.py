"""The schedule: each tick once, missed ones made up once, and a month that fits a free plan."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from db.currencies import track_rates
from db.pool import open_database
from db.reference import PROVIDER_IDS
from db.series import DAY, HOUR
from ingest.cron import last_tick, next_tick
from ingest.providers.coingecko import PLANS
from ingest.schedule import SPOT_CRON, Schedule, keep_schedule
from ingest.settings import Plan
from pricegraph.settings import DEFAULT_COINS, DEFAULT_CRON, DEFAULT_RATES
from tests.api import CountingCursor
from tests.world import CURRENCIES, World, open_world

pytestmark = pytest.mark.slow

JANUARY, FEBRUARY = datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC)
RUNS = "select count(*) from refresh_runs where requested_by = 'schedule'"


@pytest.fixture
async def known(world: World) -> World:
    """Bitcoin in dollars, of which nothing is stored yet."""
    await world.configure(currencies=("usd",))
    await world.know(["bitcoin"], ["usd"])
    await world.simulator.forget()
    return world


async def go_to(world: World, instant: datetime) -> None:
    world.clock.advance(instant - world.clock.now())


async def spot_calls(world: World) -> int:
    return len(await world.simulator.requests("/simple/price"))


async def test_the_first_worker_of_an_installation_fills_the_history_window_at_once(known: World) -> None:
    await known.schedule(history_days=10).run_due()
    assert await known.scalar(RUNS) == 1
    await known.work()
    await known.assert_true(["bitcoin"], days=10)


async def test_before_any_coin_is_known_a_tick_waits(world: World) -> None:
    schedule = world.schedule()
    await schedule.run_due()
    assert await world.scalar(RUNS) == 0
    await world.know(["bitcoin"], ["usd"])
    await schedule.run_due()
    assert await world.scalar(RUNS) == 1


async def test_at_each_tick_one_refresh_is_recorded_and_between_two_there_is_none(known: World) -> None:
    schedule = known.schedule("30 */6 * * *", history_days=2)
    await schedule.run_due()
    ticks = [datetime(2026, 11, 21, hour, 30, tzinfo=UTC) for hour in (0, 6, 12)]
    for runs, tick in enumerate(ticks, 1):
        await go_to(known, tick - timedelta(seconds=1))
        await schedule.run_due()
        assert await known.scalar(RUNS) == runs
        await go_to(known, tick)
        await schedule.run_due()
        await schedule.run_due()
        assert await known.scalar(RUNS) == runs + 1
        await known.work()
    found = await known.scalar("select array_agg(created_at order by id) from refresh_runs")
    assert found[1:] == ticks


async def test_of_many_workers_one_takes_a_tick(known: World) -> None:
    schedules = [known.schedule() for _ in range(8)]
    for _ in range(3):
        await known.simulator.forget()
        before = await known.scalar(RUNS)

        await asyncio.gather(*(schedule.run_due() for schedule in schedules))

        assert await known.scalar(RUNS) == before + 1
        assert await spot_calls(known) == 1
        await known.work()
        known.clock.advance(DAY)


async def test_ticks_that_nobody_was_there_for_are_made_up_once(known: World) -> None:
    await known.schedule().run_due()
    await known.work()
    await known.simulator.forget()
    known.clock.advance(10 * DAY)

    await known.schedule().run_due()
    await known.schedule().run_due()

    assert await known.scalar(RUNS) == 2
    assert await spot_calls(known) == 1
    await known.work()
    assert await known.scalar(RUNS) == 2


async def test_a_worker_that_starts_again_between_two_ticks_asks_for_nothing(known: World) -> None:
    await known.schedule("0 0 * * mon").run_due()
    await known.work()
    known.clock.advance(timedelta(minutes=10))
    await known.simulator.forget()

    await known.schedule("0 0 * * mon").run_due()

    assert await known.simulator.requests("") == []
    known.clock.advance(timedelta(hours=30))  # longer than an idempotency key lasts
    await known.schedule("0 0 * * mon").run_due()
    assert await known.scalar(RUNS) == 1


async def test_to_wait_for_the_next_tick_costs_no_statement(database_url: str) -> None:
    async with (
        open_database(database_url, cursor_factory=CountingCursor) as database,
        open_world(database, database_url) as world,
    ):
        await world.know(["bitcoin"], ["usd"])
        schedule = world.schedule()
        await schedule.run_due()
        CountingCursor.statements.clear()
        await schedule.run_due()
        assert CountingCursor.statements == []


async def test_without_a_schedule_nothing_happens_unasked(known: World) -> None:
    ready = asyncio.Event()
    ready.set()
    await keep_schedule(known.database, known.spot, known.clock, replace(known.settings, refresh_cron=None), ready)
    assert await known.scalar(RUNS) == 0
    assert await known.simulator.requests("") == []


async def test_a_tick_whose_transaction_failed_is_taken_by_the_next_who_asks(known: World) -> None:
    await known.execute("alter table refresh_runs rename to lost")
    schedule = known.schedule()
    with pytest.raises(Exception, match="refresh_runs"):
        await schedule.run_due()
    await known.execute("alter table lost rename to refresh_runs")
    await schedule.run_due()
    assert await known.scalar(RUNS) == 1


async def test_a_spot_pass_that_fails_costs_that_hour_only(known: World) -> None:
    schedule = known.schedule()
    await known.simulator.fault("401", count=1)
    await schedule.run_due()
    assert await known.scalar("select count(*) from price_latest") == 0

    known.clock.advance(HOUR)
    await schedule.run_due()

    assert await known.scalar("select count(*) from price_latest") == 1


def ticks_in_january(cron: str) -> int:
    tick, count = last_tick(cron, JANUARY - timedelta(seconds=1)), 0
    while (tick := next_tick(cron, tick)) < FEBRUARY:
        count += 1
    return count


async def follow(world: World, schedule: Schedule, end: datetime) -> None:
    """Do what is due at every tick before the end, and all the work that comes of it."""
    while (tick := schedule.next) < end:
        await go_to(world, tick)
        await schedule.run_due()
        await world.work()


async def test_a_month_of_one_series_is_a_call_a_day_and_one_an_hour(known: World) -> None:
    await go_to(known, JANUARY - timedelta(minutes=90))
    schedule = known.schedule(history_days=3)
    await schedule.run_due()
    await known.work()
    await follow(known, schedule, JANUARY)
    await known.simulator.forget()

    await follow(known, schedule, FEBRUARY)

    calls = Counter(call["path"] for call in await known.simulator.requests(""))
    assert calls == {
        "/coins/bitcoin/market_chart/range": ticks_in_january(DEFAULT_CRON),
        "/simple/price": ticks_in_january(SPOT_CRON),
    }
    assert await known.scalar("select count(*) from price_hourly where ts >= %s and ts < %s", JANUARY, FEBRUARY) == 744
    assert await known.scalar("select count(*) from refresh_runs where status <> 'SUCCEEDED'") == 0


async def test_a_month_of_the_default_coins_fits_a_free_plan_in_2232_calls(world: World) -> None:
    """A day of them takes as many calls as the month's sum says."""
    await world.know()
    async with world.database.transaction() as connection:
        await track_rates(connection, DEFAULT_RATES, PROVIDER_IDS["COINGECKO"], "bitcoin")
    await go_to(world, JANUARY - timedelta(minutes=90))
    schedule = world.schedule(history_days=1)
    await schedule.run_due()
    await world.work()
    await follow(world, schedule, JANUARY)
    await world.simulator.forget()

    await follow(world, schedule, JANUARY + DAY)

    calls = Counter("history" if "range" in call["path"] else "spot" for call in await world.simulator.requests(""))
    assert calls == {"history": len(DEFAULT_COINS) * len(CURRENCIES) + len(DEFAULT_RATES), "spot": 24}
    month = calls["history"] * ticks_in_january(DEFAULT_CRON) + ticks_in_january(SPOT_CRON)
    assert month == 2_232
    assert month <= (PLANS[Plan.DEMO].monthly or 0) == 10_000
