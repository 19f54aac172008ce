"""What a process keeps of closed days: the answers are to the byte those of a process that keeps nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest

from db.manual import Bucket, Change, remove_manual_price, set_manual_price
from db.pool import Database, open_database
from db.prices import Point, upsert_points
from db.reference import PROVIDER_IDS
from db.series import DAY, HOUR, Granularity, Series, floor
from tests.acceptance.api.histories import know
from tests.api import Api, execute, open_api
from tests.replica import Replica
from tests.world import NOW

pytestmark = pytest.mark.slow

COINGECKO = PROVIDER_IDS["COINGECKO"]
USD, EUR = 1, 2
TODAY = floor(NOW, DAY)
NINE_DAYS_OF_PRICES = (
    '{ priceHistory(coins: ["coin-1"], from: "now-9d/d", interval: HOUR_1) { history { columns { price } } } }'
)
FORGET = "delete from price_hourly where (coin_id, currency_id, ts) = (%s, %s, %s)"
SELECTIONS = [
    "points { time price state }",
    "points { t: time close state samples __typename } columns { price time }",
    "points { time value origin provider revision } summary { mean }",
    "columns { high low volume24h }",
]
ASKS = [
    'from: "now-9d", interval: HOUR_1',
    'from: "now-8d", to: "now-5d", interval: HOUR_1, gaps: CARRY, carryLimit: "3h"',
    'from: "now-9d/d", interval: HOUR_4, gaps: OMIT',
    'from: "now-9d", interval: HOUR_1, finalOnly: true',
    'from: "now-9d", interval: HOUR_1, gaps: ERROR',
    'from: "now-60d", interval: DAY_1, gaps: CARRY',
    'from: "now-40d", interval: DAY_1, transforms: [{ movingAverage: { points: 2 } }]',
    'from: "now-9d", interval: DAY_1, granularity: HOURLY',
    'from: "now-9d", interval: HOUR_1, currency: "eur"',
    'from: "now-9d", to: "now-3h", interval: HOUR_1, finalOnly: true, gaps: NULLS',
]


def question(ask: str, selection: str) -> str:
    return (
        f'{{ priceHistory(coins: ["coin-1", "coin-2", "coin-3"], {ask}) '
        f"{{ error {{ message }} history {{ nextFrom {selection} }} }} }}"
    )


def points(times: Sequence[datetime], dice: random.Random) -> list[Point]:
    return [Point(time, dice.uniform(1, 2), time, dice.uniform(1, 2), None, 2.5, 0.5) for time in times]


async def write(database: Database, coin: int, times: Sequence[datetime], dice: random.Random, **given: object) -> None:
    granularity, currency = given.get("granularity", Granularity.HOURLY), given.get("currency", USD)
    assert isinstance(granularity, Granularity)
    assert isinstance(currency, int)
    async with database.transaction() as connection:
        await upsert_points(connection, Series(coin, currency), granularity, COINGECKO, points(times, dice), NOW)


async def fill(database: Database, dice: random.Random) -> None:
    """Ten days of hours and 60 days in usd; in eur those of the first coin, that the others are converted with."""
    await know(database, 3)
    hours, days = [floor(NOW, HOUR) - i * HOUR for i in range(240)], [TODAY - i * DAY for i in range(62)]
    for coin, currency in ((1, USD), (2, USD), (3, USD), (1, EUR)):
        held = [hour for hour in hours if coin != 3 or dice.random() < 0.99]
        await write(database, coin, held, dice, currency=currency)
        await write(database, coin, days, dice, currency=currency, granularity=Granularity.DAILY)


async def change_something(database: Database, dice: random.Random) -> None:
    """What ingest and people do: corrections, backfills, prices by hand, and taking them back."""
    coin, currency = dice.choice([(1, USD), (2, USD), (3, USD), (1, EUR)])
    hour = floor(NOW, HOUR) - dice.randrange(240) * HOUR
    bucket = Bucket(Series(coin, currency), Granularity.HOURLY, hour)
    change = Change("somebody", NOW, None)
    match dice.randrange(5):
        case 0:
            await write(database, coin, [hour + i * HOUR for i in range(5)], dice, currency=currency)
        case 1:
            day = TODAY - dice.randrange(62) * DAY
            await write(database, coin, [day], dice, currency=currency, granularity=Granularity.DAILY)
        case 2:
            async with database.transaction() as connection:
                await set_manual_price(connection, bucket, points([hour], dice)[0], change)
        case 3:
            async with database.transaction() as connection:
                await remove_manual_price(connection, bucket, change)
        case 4:
            given = points([floor(NOW, HOUR) - dice.randrange(47) * HOUR], dice)
            async with database.transaction() as connection:
                await connection.execute(FORGET, (coin, currency, given[0].ts))  # young, and not yet kept by anybody
                await upsert_points(
                    connection, Series(coin, currency), Granularity.HOURLY, COINGECKO, given, NOW, provisional=True
                )


@pytest.fixture
async def apis(database: Database, database_url: str) -> AsyncIterator[list[Api]]:
    """Two processes that keep closed days, and one that keeps nothing."""
    async with AsyncExitStack() as stack:
        opened = []
        for size in (10_000_000, 200_000, 0):
            other = await stack.enter_async_context(open_database(database_url))
            opened.append(await stack.enter_async_context(open_api(other, cache_bytes=size)))
        yield opened


async def test_whatever_is_written_in_between_all_processes_answer_alike(database: Database, apis: list[Api]) -> None:
    dice = random.Random(20_261_121)
    await fill(database, dice)
    for _ in range(60):
        for _ in range(dice.randrange(3)):
            await change_something(database, dice)
        document = question(dice.choice(ASKS), dice.choice(SELECTIONS))
        first, second, plain = [(await api.post(document)).content for api in apis]
        assert first == plain, document
        assert second == plain, document


async def test_closed_days_are_not_read_again(database: Database, apis: list[Api]) -> None:
    await fill(database, random.Random(1))
    kept, _, plain = apis
    before = await kept.ask(NINE_DAYS_OF_PRICES)

    await execute(database, "update price_hourly set price = 7")  # behind the back of everybody

    closed = 7 * 24
    seen = (await kept.ask(NINE_DAYS_OF_PRICES))["priceHistory"][0]["history"]["columns"]["price"]
    assert seen[:closed] == before["priceHistory"][0]["history"]["columns"]["price"][:closed]
    assert set(seen[closed:]) == {7}
    await execute(database, "update series_versions set version = default")
    assert await kept.ask(NINE_DAYS_OF_PRICES) == await plain.ask(NINE_DAYS_OF_PRICES)


async def test_a_price_of_a_closed_day_is_set_by_hand_and_taken_back(database: Database, apis: list[Api]) -> None:
    await fill(database, random.Random(2))
    kept, _, plain = apis
    hour = Bucket(Series(1, USD), Granularity.HOURLY, TODAY - 5 * DAY)
    by_hand = Point(hour.ts, 1234.5, hour.ts)
    before = await kept.ask(NINE_DAYS_OF_PRICES)

    async with database.transaction() as connection:
        await set_manual_price(connection, hour, by_hand, Change("somebody", NOW, None))
    corrected = await kept.ask(NINE_DAYS_OF_PRICES)
    async with database.transaction() as connection:
        await remove_manual_price(connection, hour, Change("somebody", NOW, None))

    assert corrected != before
    assert await kept.ask(NINE_DAYS_OF_PRICES) == await plain.ask(NINE_DAYS_OF_PRICES) == before


async def test_what_is_kept_and_what_is_read_are_always_of_one_moment(database: Database, apis: list[Api]) -> None:
    await know(database, 1)
    await check_moments(database, apis[:2], fresh=True)


async def test_so_they_are_on_a_replica_that_lags(replica: Replica) -> None:
    await know(replica.primary, 1)
    await replica.catch_up()
    async with open_api(replica.primary, reads=replica.reads) as api:
        await check_moments(replica.primary, [api], fresh=False)


async def test_what_a_lagging_replica_did_not_know_yet_is_never_kept(replica: Replica) -> None:
    """By the clock the day is closed; the correction of its evening has not arrived."""
    await know(replica.primary, 1)
    today = floor(datetime.now(UTC), DAY)
    hours = [today - DAY + i * HOUR for i in range(24)]

    async def say(price: float, of: Sequence[datetime]) -> None:
        given = [Point(hour, price, hour) for hour in of]
        async with replica.primary.transaction() as connection:
            await upsert_points(connection, Series(1, USD), Granularity.HOURLY, COINGECKO, given, today)

    await say(1.0, hours)
    await replica.catch_up()
    await replica.pause()
    await say(2.0, hours[5:])
    async with open_api(replica.primary, lambda: today + 3 * DAY, reads=replica.reads) as api:

        async def prices() -> set[float]:
            (found,) = (await api.ask(NINE_DAYS_OF_PRICES))["priceHistory"]
            return set(found["history"]["columns"]["price"]) - {None}

        assert await prices() == {1.0}
        await replica.resume()
        assert await prices() == {1.0, 2.0}


async def check_moments(database: Database, apis: Sequence[Api], *, fresh: bool) -> None:
    """Every change gives all prices one new value, so an answer with two of them is of two moments."""
    hours = [TODAY - 9 * DAY + i * HOUR for i in range(9 * 24)]
    written = 0

    async def rewrite() -> None:
        nonlocal written
        for value in range(1, 41):
            given = [Point(hour, float(value), hour) for hour in hours]
            async with database.transaction() as connection:
                await upsert_points(connection, Series(1, USD), Granularity.HOURLY, COINGECKO, given, NOW)
            written = value
            await asyncio.sleep(0.005 if value % 3 else 0.05)

    async def read(api: Api) -> int:
        last = answers = 0
        while last < 40:
            before = written
            history = (await api.ask(NINE_DAYS_OF_PRICES))["priceHistory"][0]["history"]
            values = {price for price in history["columns"]["price"] if price is not None}
            assert len(values) <= 1, f"an answer of several moments: {values}"
            now = int(max(values, default=0))
            assert now >= (before if fresh else last)
            last, answers = now, answers + 1
        return answers

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        readers = [group.create_task(read(api)) for api in apis]
        group.create_task(rewrite())
    assert min(reader.result() for reader in readers) > 5
