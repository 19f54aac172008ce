"""How far back a plan reaches, what that costs, and what is remembered of history that does not exist."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil
from typing import Any

import pytest

from db.planning import oldest_allowed
from db.refresh import Plan, plan_refresh
from db.runs import RunRow
from db.series import DAY, HOUR, Granularity, floor
from ingest.settings import Plan as CoinGeckoPlan
from tests.world import World

pytestmark = pytest.mark.slow

DAILY = (Granularity.DAILY,)


async def plan(world: World, **request: Any) -> Plan:
    async with world.database.connection() as connection:
        return await plan_refresh(connection, await world.request(**request), world.clock.now())


async def know(world: World, coin: str = "bitcoin") -> None:
    await world.configure(currencies=("usd",))
    await world.know([coin], ["usd"])
    await world.simulator.forget()


async def pay(world: World) -> None:
    url = f"{world.simulator.url}/coingecko-pro/api/v3"
    await world.configure(plan=CoinGeckoPlan.ANALYST, api_key="CG-pro", coingecko_url=url)


async def assert_every_request_was_answered(world: World) -> None:
    log = await world.simulator.requests()
    assert log
    assert {entry["status"] for entry in log} == {200}
    assert min(int(entry["query"]["from"]) for entry in log) > (world.clock.now() - timedelta(days=365)).timestamp()


@pytest.mark.parametrize("granularities", [DAILY, (Granularity.HOURLY,)])
async def test_a_free_plan_is_asked_for_nothing_older_than_a_year_and_the_rest_is_named(
    world: World, granularities: tuple[Granularity, ...]
) -> None:
    await know(world)

    planned = await plan(world, history_days=800, granularities=granularities)
    run = await world.refresh(history_days=800, granularities=granularities)

    oldest = oldest_allowed(world.clock.now(), 365)
    assert planned.beyond_plan
    assert planned.oldest == oldest
    assert run.status == "SUCCEEDED"
    await assert_every_request_was_answered(world)
    assert await world.scalar(f"select min(ts) from {granularities[0].table}") == oldest
    assert not (await plan(world, history_days=363, granularities=granularities)).beyond_plan
    assert (await plan(world, history_days=800, granularities=granularities)).tasks == []


@pytest.mark.parametrize("hour", [0, 1, 12, 23])
async def test_a_hole_at_the_edge_of_the_plan_is_filled_within_it_at_any_hour_of_the_day(
    world: World, hour: int
) -> None:
    await know(world)
    world.clock.advance(floor(world.clock.now(), DAY) + DAY + hour * HOUR + timedelta(seconds=1) - world.clock.now())
    oldest = oldest_allowed(world.clock.now(), 365)

    for granularity in Granularity:
        end = oldest + granularity.width
        run = await world.refresh(start=oldest, end=end, granularities=(granularity,))
        assert run.status == "SUCCEEDED"
        assert await world.scalar(f"select array_agg(ts) from {granularity.table} where ts < %s", end) == [oldest]
    await assert_every_request_was_answered(world)


async def test_a_task_that_waited_too_long_at_the_edge_does_not_fail_the_rest_of_its_window(world: World) -> None:
    await know(world)
    oldest = oldest_allowed(world.clock.now(), 365)
    recorded = await world.record(start=oldest, end=oldest + 30 * DAY, granularities=(Granularity.HOURLY,))
    world.clock.advance(timedelta(days=5))

    await world.work()

    assert (await world.run(recorded.run_id)).status == "SUCCEEDED"
    await assert_every_request_was_answered(world)
    assert await world.scalar("select max(ts) from price_hourly") == oldest + 30 * DAY - HOUR


async def test_a_paid_plan_gives_three_years_of_days_for_one_request_a_series_and_year(world: World) -> None:
    await know(world)
    await pay(world)
    days = 3 * 365

    run = await world.refresh(history_days=days, granularities=DAILY)

    assert run.status == "SUCCEEDED"
    assert len(await world.simulator.requests()) <= ceil(days / 365)
    end = floor(world.clock.now(), DAY)
    truth = await world.simulator.truth("bitcoin", "usd", Granularity.DAILY, end - timedelta(days=days), end)
    assert len(truth) == days
    assert await world.stored("bitcoin", "usd", Granularity.DAILY) == truth
    assert not (await plan(world, history_days=4000)).beyond_plan


async def test_a_basic_plan_reaches_two_years_back(world: World) -> None:
    await know(world)
    await pay(world)
    await world.configure(plan=CoinGeckoPlan.BASIC)
    planned = await plan(world, history_days=800, granularities=DAILY)
    assert planned.beyond_plan
    assert planned.oldest == oldest_allowed(world.clock.now(), 730)
    assert len(planned.tasks) == 2


async def test_the_time_before_a_coins_listing_is_asked_once_and_again_when_the_record_expires(world: World) -> None:
    await know(world, "newcomer")  # listed in May, 200 days ago

    run = await refresh_days(world, 300)

    assert run.status == "SUCCEEDED"
    first = await world.scalar("select min(ts) from price_daily")
    assert first == datetime.fromisoformat("2026-05-04T00:00:00+00:00")
    empty = await world.scalar("select array_agg(distinct outcome) from fetch_windows where granularity = 'DAILY'")
    assert empty == ["NO_DATA"]
    assert await world.scalar("select max(to_ts) from fetch_windows where granularity = 'DAILY'") == first

    await world.simulator.forget()
    assert (await refresh_days(world, 300)).tasks_total == 0
    assert await world.simulator.requests() == []

    world.clock.advance(timedelta(days=31))
    before = await world.scalar("select count(*) from price_daily where ts < %s", first)
    await refresh_days(world, 300)
    asked = min(int(entry["query"]["from"]) for entry in await world.simulator.requests())
    assert asked < first.timestamp()
    assert await world.scalar("select count(*) from price_daily where ts < %s", first) == before == 0


async def test_what_stays_empty_is_asked_for_less_and_less_often(world: World) -> None:
    await know(world, "newcomer")
    await refresh_days(world, 300)
    first = await world.scalar("select min(ts) from price_daily")
    asked_on = []
    for day in range(1, 41):
        world.clock.advance(DAY)
        await world.simulator.forget()
        await refresh_days(world, 300)
        # The newest day is asked for with 92 days around it, which do not reach back to the listing.
        if any(int(entry["query"]["from"]) < first.timestamp() for entry in await world.simulator.requests()):
            asked_on.append(day)

    pauses = [after - before for before, after in pairwise(asked_on)]

    assert asked_on[0] == 1
    assert pauses == sorted(pauses)
    assert len(asked_on) <= 6


async def test_asking_again_about_a_part_leaves_what_is_known_of_the_rest(world: World) -> None:
    await know(world, "newcomer")
    await refresh_days(world, 300)
    known = (
        "select array_agg(ts order by ts) from fetch_windows, "
        "generate_series(from_ts, to_ts - interval '1 day', interval '1 day') as ts "
        "where granularity = 'DAILY' and outcome = 'NO_DATA'"
    )
    before = await world.scalar(known)
    assert len(before) > 90

    await world.refresh(start=before[30], end=before[60], granularities=DAILY, force=True)

    assert await world.scalar(known) == before
    asked = await world.scalar("select array_agg(to_ts - from_ts order by from_ts) from fetch_windows")
    assert asked == [30 * DAY, 30 * DAY, (len(before) - 60) * DAY]


async def refresh_days(world: World, days: int) -> RunRow:
    return await world.refresh(history_days=days, granularities=DAILY)


async def test_a_young_hour_without_data_is_asked_again_after_half_an_hour(world: World) -> None:
    await know(world)
    await world.refresh(history_days=2)
    world.clock.advance(timedelta(hours=2))
    await world.simulator.fault("empty", count=1)
    assert (await world.refresh(history_days=1)).tasks_total == 1
    assert await world.scalar("select count(*) from fetch_windows where granularity = 'HOURLY'") == 1
    await world.simulator.forget()

    world.clock.advance(timedelta(minutes=20))
    assert (await world.refresh(history_days=1)).tasks_total == 0
    world.clock.advance(timedelta(minutes=11))
    assert (await world.refresh(history_days=1)).tasks_total == 1

    assert len(await world.simulator.requests()) == 1
    assert await world.scalar("select count(*) from fetch_windows where granularity = 'HOURLY'") == 0
