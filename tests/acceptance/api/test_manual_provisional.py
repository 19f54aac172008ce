"""A price set by hand where only a sample stood that waits to be confirmed: taking it back brings no sample back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from db.series import HOUR, Granularity, floor
from tests.api import Api, iso
from tests.world import World

pytestmark = pytest.mark.slow

FIELDS = "point { price origin } revision { before { price } after { price } } errors { code }"
SET = f"mutation($input: ManualPriceInput!) {{ payload: setManualPrice(input: $input) {{ {FIELDS} }} }}"
REMOVE = f"mutation($input: RemoveManualPriceInput!) {{ payload: removeManualPrice(input: $input) {{ {FIELDS} }} }}"
STORED = "select array_agg(price) from price_hourly where ts = %s and currency_id = 1"


async def test_taking_it_back_leaves_a_hole_that_the_next_refresh_fills(world: World, world_api: Api) -> None:
    await world.know(["bitcoin"], ["usd"])
    hour = floor(world.clock.now(), HOUR) + HOUR
    world.clock.advance(hour + timedelta(minutes=1) - world.clock.now())
    await world.spot.run()
    place: dict[str, Any] = {"coin": "bitcoin", "currency": "usd", "granularity": "HOURLY", "time": iso(hour)}
    assert await world.scalar("select provisional from price_hourly where ts = %s", hour)

    was_set = (await world_api.ask(SET, input=place | {"price": 5.5}))["payload"]
    world.clock.advance(2 * HOUR)
    taken_back = (await world_api.ask(REMOVE, input=place))["payload"]

    assert was_set == {"point": {"price": 5.5, "origin": "MANUAL"}, "revision": None, "errors": []}
    assert taken_back["point"] == {"price": None, "origin": "MISSING"}
    assert taken_back["revision"] == {"before": {"price": 5.5}, "after": None}
    assert await world.scalar(STORED, hour) is None

    await world.refresh(history_days=2)
    [truth] = await world.simulator.truth("bitcoin", "usd", Granularity.HOURLY, hour, hour + HOUR)
    assert await world.scalar(STORED, hour) == [truth[1]]
