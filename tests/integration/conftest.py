"""What the tests of `pricegraph doctor` look at."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pricegraph.commands import address
from pricegraph.serve import listen, serving
from simulator.app import create_simulator
from simulator.settings import SimulatorSettings
from tests.doctor import real_time
from tests.world import Simulated, World


@pytest.fixture
async def installation(world: World) -> World:
    """At this machine's time: two coins in one currency, all filled, and a worker that has just said it is alive."""
    world.clock.advance(real_time() - world.clock.now())
    await world.know(["bitcoin", "ethereum"], ["usd"])
    await world.refresh(history_days=1)
    await world.execute("select procrastinate_register_worker_v1()")
    return world


@pytest.fixture
async def simulator() -> AsyncIterator[Simulated]:
    listener = listen("127.0.0.1", 0)
    async with serving(create_simulator(SimulatorSettings()), listener):
        simulated = Simulated(address(listener))
        yield simulated
        await simulated.close()
