"""What a provider corrects in silence within two days arrives with the next refresh, and what it replaced is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from db.series import HOUR, RECHECK, Granularity, ceil, floor
from tests.world import Row, World

pytestmark = pytest.mark.slow


async def filled(world: World) -> World:
    """Bitcoin in dollars, five days of it; then the provider thinks better of half of its prices."""
    await world.configure(currencies=("usd",))
    await world.know(["bitcoin"], ["usd"])
    await world.refresh(history_days=5)
    await world.simulator.fault("correction", probability=0.5)
    await world.simulator.forget()
    return world


async def truth_of(world: World, stored: list[Row], granularity: Granularity) -> list[Row]:
    """What the provider says now about these buckets."""
    start, end = (datetime.fromtimestamp(stored[place][0], UTC) for place in (0, -1))
    return await world.simulator.truth("bitcoin", "usd", granularity, start, end + granularity.width)


async def test_the_next_refresh_brings_every_correction_of_the_last_48_hours(world: World) -> None:
    await filled(world)
    before = {one: await world.stored("bitcoin", "usd", one) for one in Granularity}
    world.clock.advance(5 * HOUR)

    run = await world.refresh(history_days=5)

    assert len(await world.simulator.requests()) == 1
    corrected = 0
    kept = "select count(*) from price_revisions where granularity = %s and ts <= to_timestamp(%s)"
    for granularity in Granularity:
        since = ceil(world.clock.now() - RECHECK, granularity.width).timestamp()
        old = before[granularity]
        new = [row for row in await world.stored("bitcoin", "usd", granularity) if row[0] <= old[-1][0]]
        truth = await truth_of(world, old, granularity)
        assert [row for row in new if row[0] >= since] == [row for row in truth if row[0] >= since]
        assert [row for row in new if row[0] < since] == [row for row in old if row[0] < since]
        changed = sum(a != b for a, b in zip(old, new, strict=True))
        assert await world.scalar(kept, granularity.value, old[-1][0]) == changed
        corrected += changed
    assert 15 < corrected < 35
    assert (await world.totals(run.id)).rows_corrected == await world.scalar("select count(*) from price_revisions")


async def test_what_was_replaced_can_be_read_again(world: World) -> None:
    await filled(world)
    stored = await world.stored("bitcoin", "usd", Granularity.HOURLY)
    old = {row[0]: row[1] for row in stored}
    world.clock.advance(2 * HOUR)
    await world.refresh(history_days=5)
    kept = await world.scalar(
        "select jsonb_object_agg(extract(epoch from ts)::int8, price) from price_revisions where granularity = 'HOURLY'"
    )
    assert kept
    assert {int(ts): price for ts, price in kept.items()}.items() <= old.items()
    assert await world.scalar("select count(*) from price_hourly where revision = 1") == len(kept)


async def test_what_is_settled_changes_only_when_a_forced_refresh_asks_for_it(world: World) -> None:
    await filled(world)
    world.clock.advance(5 * HOUR)
    await world.refresh(history_days=5)
    stored = await world.stored("bitcoin", "usd", Granularity.HOURLY)
    assert stored != await truth_of(world, stored, Granularity.HOURLY)

    await world.refresh(history_days=6, force=True)

    stored = await world.stored("bitcoin", "usd", Granularity.HOURLY)
    assert stored == await truth_of(world, stored, Granularity.HOURLY)


async def test_an_answer_that_ends_in_the_past_fills_its_own_window_only(world: World) -> None:
    await world.configure(currencies=("usd",))
    await world.know(["bitcoin"], ["usd"])
    start = floor(world.clock.now(), HOUR) - 31 * HOUR
    await world.refresh(start=start, end=start + HOUR, granularities=[Granularity.HOURLY])
    assert await world.scalar("select array_agg(ts) from price_hourly") == [start]


async def test_a_short_refresh_brings_all_that_its_answer_holds_of_the_last_48_hours(world: World) -> None:
    await world.configure(currencies=("usd",))
    await world.know(["bitcoin"], ["usd"])
    await world.refresh(start=world.clock.now() - 2 * HOUR)
    assert await world.scalar("select min(ts) from price_hourly") == ceil(world.clock.now() - RECHECK, HOUR)
    assert await world.scalar("select count(*) from price_hourly") == RECHECK // timedelta(hours=1)
