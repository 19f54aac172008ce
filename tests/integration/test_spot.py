"""The spot pass: latest prices and provisional points, which count as stored and are asked for again all the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from db.missing import list_holes
from db.series import DAY, HOUR, Granularity, Series, Window, floor
from ingest.spot import SpotResult
from tests.world import World

pytestmark = pytest.mark.slow


@pytest.fixture
async def filled(world: World) -> World:
    """Bitcoin in dollars, complete; a minute after the next full hour."""
    await world.configure(currencies=("usd",))
    await world.know(["bitcoin"], ["usd"])
    await world.refresh(history_days=5)
    await go_to(world, floor(world.clock.now(), HOUR) + HOUR + timedelta(minutes=1))
    return world


async def go_to(world: World, instant: datetime) -> None:
    world.clock.advance(instant - world.clock.now())
    await world.simulator.forget()


async def provisional(world: World, granularity: Granularity) -> int:
    return int(await world.scalar(f"select count(*) from {granularity.table} where provisional"))


async def assert_true(world: World) -> None:
    """Every stored bucket that has ended, and every one since the first, is as the provider has it."""
    for granularity in Granularity:
        stored = await world.stored("bitcoin", "usd", granularity)
        start, end = datetime.fromtimestamp(stored[0][0], UTC), floor(world.clock.now(), granularity.width)
        assert stored == await world.simulator.truth("bitcoin", "usd", granularity, start, end)


async def test_one_call_asks_for_every_tracked_coin_in_every_stored_currency(world: World) -> None:
    await world.know(["bitcoin", "solana", "cardano"], ["usd", "eur"])
    await go_to(world, floor(world.clock.now(), HOUR) + timedelta(hours=1, seconds=90))

    result = await world.spot.run()

    (call,) = await world.simulator.requests("")
    assert call["path"] == "/simple/price"
    assert call["query"]["ids"] == "bitcoin,solana,cardano"
    assert call["query"]["vs_currencies"] == "eur,usd"
    assert call["query"]["precision"] == "full"
    assert result == SpotResult(latest=6, points=6)
    assert await world.scalar("select count(*) from price_latest where market_cap > 0 and volume_24h > 0") == 6


async def test_the_point_is_that_of_the_hour_that_has_begun_and_waits_to_be_confirmed(filled: World) -> None:
    hour = floor(filled.clock.now(), HOUR)

    await filled.spot.run()

    row = await filled.scalar(
        "select array[p.price = l.price, p.market_cap = l.market_cap, p.volume_24h = l.volume_24h, "
        "p.observed_at = l.observed_at, p.provisional, p.revision = 0] "
        "from price_hourly p join price_latest l using (coin_id, currency_id) where p.ts = %s",
        hour,
    )
    assert row == [True] * 6
    assert await provisional(filled, Granularity.HOURLY) == 1
    assert await provisional(filled, Granularity.DAILY) == 0


async def test_at_midnight_the_day_gets_its_point_too(filled: World) -> None:
    await go_to(filled, floor(filled.clock.now(), DAY) + DAY + timedelta(minutes=1))
    result = await filled.spot.run()
    assert result == SpotResult(latest=1, points=2)
    assert await provisional(filled, Granularity.DAILY) == 1


@pytest.mark.parametrize(
    ("past", "points"), [(timedelta(minutes=9, seconds=59), 1), (timedelta(minutes=10, seconds=1), 0)]
)
async def test_a_sample_far_from_the_hour_gives_the_latest_price_only(
    filled: World, past: timedelta, points: int
) -> None:
    await go_to(filled, floor(filled.clock.now(), HOUR) + past)
    assert await filled.spot.run() == SpotResult(latest=1, points=points)
    assert await filled.scalar("select max(observed_at) from price_latest") == filled.clock.now()


async def test_a_provisional_point_is_no_gap_but_the_next_refresh_confirms_it_once_its_hour_has_ended(
    filled: World,
) -> None:
    series, hour = Series(1, 1), floor(filled.clock.now(), HOUR)
    await filled.spot.run()
    assert (await filled.record(history_days=5)).plan.tasks == []

    await go_to(filled, hour + HOUR + timedelta(minutes=1))
    async with filled.database.connection() as connection:
        holes = await list_holes(connection, [series], Granularity.HOURLY, Window(hour, hour + HOUR))
    assert holes == {series: []}
    run = await filled.refresh(history_days=5)

    assert len(await filled.simulator.requests()) == 1
    assert (await filled.totals(run.id)).rows_inserted == 2  # confirmed; and the hour that runs now
    assert await filled.scalar("select count(*) from price_revisions") == 0
    assert await provisional(filled, Granularity.HOURLY) == 0
    await assert_true(filled)


async def test_days_of_hourly_spots_are_confirmed_by_one_call_a_series(filled: World) -> None:
    start = floor(filled.clock.now(), DAY) + DAY
    for hour in range(25):
        await go_to(filled, start + hour * HOUR + timedelta(minutes=1))
        await filled.spot.run()
    assert await provisional(filled, Granularity.HOURLY) == 25
    assert await provisional(filled, Granularity.DAILY) == 2

    await go_to(filled, start + DAY + timedelta(minutes=50))
    await filled.refresh(history_days=5)

    assert len(await filled.simulator.requests()) == 1
    assert await provisional(filled, Granularity.HOURLY) == await provisional(filled, Granularity.DAILY) == 0
    await assert_true(filled)


async def test_a_point_that_the_provider_does_not_confirm_is_not_asked_for_again_at_once(filled: World) -> None:
    await filled.spot.run()
    await go_to(filled, floor(filled.clock.now(), HOUR) + HOUR)
    await filled.simulator.fault("empty")

    await filled.refresh(history_days=5)

    assert (await filled.record(history_days=5)).plan.tasks == []
    assert await provisional(filled, Granularity.HOURLY) == 1
    filled.clock.advance(timedelta(minutes=31))
    assert len((await filled.record(history_days=5)).plan.tasks) == 1


async def test_a_pass_changes_nothing_that_is_confirmed(filled: World) -> None:
    await filled.refresh(history_days=5, force=True)
    before = await filled.scalar("select array_agg(p order by ts)::text from price_hourly p")
    assert (await filled.spot.run()).points == 0
    assert await filled.scalar("select array_agg(p order by ts)::text from price_hourly p") == before


async def test_coins_that_the_provider_leaves_out_are_counted_and_cost_the_others_nothing(world: World) -> None:
    await world.know(["bitcoin", "solana"], ["usd", "eur"])
    await world.execute("update coin_provider_ids set provider_coin_id = 'renamed' where provider_coin_id = 'solana'")
    assert await world.spot.run() == SpotResult(latest=2, points=0, rejected=2)


@pytest.mark.parametrize("kind", ["null", "nan", "zero", "negative", "missing", "string-number", "renamed"])
async def test_every_price_that_fails_a_check_is_counted_and_none_is_stored(world: World, kind: str) -> None:
    await world.know(["bitcoin", "solana", "cardano"], ["usd", "eur", "gbp", "btc"])
    await world.simulator.forget()
    await world.simulator.fault(kind)

    result = await world.spot.run()

    (call,) = await world.simulator.requests("/simple/price")
    assert result.rejected == call["damaged"] > 0
    assert result.latest == 12 - result.rejected == await world.scalar("select count(*) from price_latest")
