"""The API over a database, over a whole world, and over a database that is away."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from db.pool import Database, PoolSettings, open_database
from tests.api import Api, open_api
from tests.world import World

# Nothing listens there: for what needs no database, and for what happens without one.
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


@pytest.fixture
async def api(database: Database) -> AsyncIterator[Api]:
    """Over a migrated database without any coin, at a fixed time."""
    async with open_api(database) as api:
        yield api


@pytest.fixture
async def world_api(world: World) -> AsyncIterator[Api]:
    async with open_api(world.database, world.clock.now) as api:
        yield api


@pytest.fixture
async def lone_api() -> AsyncIterator[Api]:
    """Without a database."""
    async with open_database(NOWHERE, PoolSettings(wait=0.2)) as database, open_api(database) as api:
        yield api


@pytest.fixture
async def known(world: World) -> World:
    """A world that knows two coins in two currencies, and has no prices yet."""
    await world.know(["bitcoin", "solana"], ["usd", "eur"])
    await world.simulator.forget()
    return world
