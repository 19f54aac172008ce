"""What an answer says about one series agrees with itself, whatever is written meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from db.pool import Database
from db.series import HOUR, Granularity, floor
from tests.api import add_coins, add_points, execute, open_api
from tests.world import NOW

pytestmark = pytest.mark.slow

HOURS = [floor(NOW, HOUR) - number * HOUR for number in range(1, 49)]
ABOUT = "points { time } coverage { expectedPoints actualPoints gaps(first: 100) { missingPoints } }"
ONE_RANGE = f'{{ coin(slug: "coin-1") {{ days: history(from: "now-48h/h", to: "now/h", gaps: OMIT) {{ {ABOUT} }} }} }}'
TWO_RANGES = f"""
{{
  coin(slug: "coin-1") {{
    days: history(from: "now-48h/h", to: "now/h", gaps: OMIT) {{ {ABOUT} }}
    day: history(from: "now-24h/h", to: "now/h", gaps: OMIT) {{ {ABOUT} }}
  }}
}}
"""
TAKE_HALF = "delete from price_hourly where extract(hour from ts at time zone 'UTC')::int % 2 = 0"


@asynccontextmanager
async def half_of_it_coming_and_going(database: Database) -> AsyncIterator[None]:
    async def take_and_put_back() -> None:
        while True:
            await execute(database, TAKE_HALF)
            await add_points(database, Granularity.HOURLY, HOURS)

    writer = asyncio.create_task(take_and_put_back())
    yield
    writer.cancel()
    with suppress(asyncio.CancelledError):
        await writer


@pytest.mark.parametrize("question", [ONE_RANGE, TWO_RANGES], ids=["one range", "two ranges"])
async def test_coverage_counts_the_very_points_of_the_answer(database: Database, question: str) -> None:
    await add_coins(database, 1)
    await add_points(database, Granularity.HOURLY, HOURS)
    seen = set()
    async with open_api(database) as api, half_of_it_coming_and_going(database):
        for _ in range(100):
            histories = (await api.ask(question))["coin"].values()
            for history in histories:
                points, coverage = history["points"], history["coverage"]
                missing = sum(gap["missingPoints"] for gap in coverage["gaps"])
                assert (coverage["actualPoints"], missing) == (len(points), coverage["expectedPoints"] - len(points))
            (share,) = {len(history["points"]) / history["coverage"]["expectedPoints"] for history in histories}
            seen.add(share)
    assert seen == {1, 1 / 2}, "nothing was written meanwhile"
