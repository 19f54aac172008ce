"""A refresh fetches what is missing, once, and nothing else."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest

from db.prices import Written, upsert_points
from db.series import DAY, Granularity
from tests.world import World


@pytest.mark.slow
async def test_ninety_days_of_everything_are_exactly_95040_hours_and_3960_days_in_88_requests(world: World) -> None:
    await world.know()

    run = await world.refresh()

    assert run.status == "SUCCEEDED"
    assert len(await world.simulator.requests()) == 88
    now = world.clock.now()
    assert await world.scalar("select count(*) from price_hourly where ts <= %s", now - timedelta(hours=1)) == 95_040
    assert await world.scalar("select count(*) from price_daily where ts <= %s", now - DAY) == 3_960
    await world.assert_true()


async def test_a_second_refresh_makes_no_history_request(world: World) -> None:
    await world.know(["bitcoin", "solana"], ["usd", "btc"])
    await world.refresh(history_days=20)
    await world.simulator.forget()

    run = await world.refresh(history_days=20)

    assert (run.status, run.tasks_total) == ("SUCCEEDED", 0)
    assert await world.simulator.requests() == []


async def test_who_removes_points_while_a_worker_stores_some_waits_and_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.know(["bitcoin"], ["usd"])
    await world.refresh(history_days=20)
    await world.execute("delete from price_hourly where ts > (select max(ts) - interval '15 days' from price_hourly)")
    await world.execute("update price_daily set price = price * 2")  # so that the worker has to write days as well
    days_are_next, store = asyncio.Event(), upsert_points

    async def store_slowly(*given: Any) -> Written:
        if Granularity.DAILY in given:
            days_are_next.set()
            await asyncio.sleep(0.5)
        return await store(*given)

    async def remove() -> None:
        await days_are_next.wait()
        await world.execute("delete from price_daily")

    monkeypatch.setattr("ingest.fetch.upsert_points", store_slowly)
    run, _ = await asyncio.gather(world.refresh(history_days=20), remove())
    assert run.status == "SUCCEEDED"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_rows_deleted_at_random_come_back_identical_from_windows_that_hold_a_hole(
    world: World, seed: int
) -> None:
    await world.know(["bitcoin"])
    await world.refresh()
    before = {granularity: await world.table_hash(granularity) for granularity in Granularity}
    dice = random.Random(seed)
    await world.execute("select setseed(%s)", dice.random())
    for granularity in Granularity:
        await world.execute(f"delete from {granularity.table} where random() < 0.02")
    await world.simulator.forget()

    run = await world.refresh()

    assert run.status == "SUCCEEDED"
    assert {granularity: await world.table_hash(granularity) for granularity in Granularity} == before
    assert await world.scalar("select count(*) from price_revisions") == 0
