"""A provider that thinks better of what it has said: the tables follow, and keep what was said first."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from db.series import Granularity
from tests.world import Row, World, hours_ago

pytestmark = pytest.mark.slow

DAYS = 20


@pytest.fixture
async def small(world: World) -> World:
    """Bitcoin in dollars only, with twenty days of it stored."""
    await world.configure(currencies=("usd",))
    await world.know(["bitcoin"], ["usd"])
    await world.refresh(history_days=DAYS)
    return world


async def hourly_truth(world: World, start: datetime, end: datetime) -> list[Row]:
    return await world.simulator.truth("bitcoin", "usd", Granularity.HOURLY, start, end)


async def test_a_silent_correction_is_taken_over_and_the_old_values_are_kept(small: World) -> None:
    end = hours_ago(0)
    start = end - timedelta(days=DAYS)
    said_first = await hourly_truth(small, start, end)
    await small.simulator.fault("correction", probability=0.1)
    corrected = [row for row, new in zip(said_first, await hourly_truth(small, start, end), strict=True) if row != new]
    assert 20 < len(corrected) < 100

    await small.refresh(history_days=DAYS, force=True)

    await small.assert_true(["bitcoin"], DAYS)
    kept = await small.scalar(
        "select array_agg(price order by ts) from price_revisions where granularity = 'HOURLY' and ts < %s", end
    )
    assert kept == [price for _, price, _, _ in corrected]
