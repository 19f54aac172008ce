"""What an answer says about one series agrees with itself, whatever is written meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from db.pool import Database
from db.series import HOUR, Granularity, floor
from tests.api import add_coins, add_points, execute, open_api
from tests.world import NOW

HOURS = [floor(NOW, HOUR) - number * HOUR for number in range(1, 49)]
QUESTION = """
{
  priceHistory(coins: ["coin-1"], from: "now-48h/h", to: "now/h", interval: HOUR_1, gaps: OMIT) {
    history { points { time } coverage { actualPoints gaps(first: 100) { missingPoints } } }
  }
}
"""
TAKE_HALF = "delete from price_hourly where extract(hour from ts at time zone 'UTC')::int % 2 = 0"


async def take_and_put_back(database: Database) -> None:
    while True:
        await execute(database, TAKE_HALF)
        await add_points(database, Granularity.HOURLY, HOURS)


@pytest.mark.slow
async def test_coverage_counts_the_very_points_of_the_answer(database: Database) -> None:
    await add_coins(database, 1)
    await add_points(database, Granularity.HOURLY, HOURS)
    writer = asyncio.create_task(take_and_put_back(database))
    seen = set()
    async with open_api(database) as api:
        for _ in range(200):
            [result] = (await api.ask(QUESTION))["priceHistory"]
            points, coverage = result["history"]["points"], result["history"]["coverage"]
            missing = sum(gap["missingPoints"] for gap in coverage["gaps"])
            assert (coverage["actualPoints"], missing) == (len(points), len(HOURS) - len(points))
            seen.add(len(points))
    writer.cancel()
    with suppress(asyncio.CancelledError):
        await writer
    assert seen == {len(HOURS), len(HOURS) // 2}, "nothing was written meanwhile"
