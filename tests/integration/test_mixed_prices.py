"""Invented prices never lie beside real ones."""

from __future__ import annotations

import pytest

from db.providers import MixedPrices, any_simulated, configure_budget
from ingest.providers.coingecko import NAME, budget_of
from tests.world import World


async def test_a_database_with_simulated_prices_takes_no_real_ones(world: World) -> None:
    await world.know(["bitcoin"], ["usd"])
    await world.refresh(history_days=3)

    async with world.database.transaction() as connection:
        with pytest.raises(MixedPrices, match="holds simulated prices"):
            await configure_budget(connection, NAME, budget_of(world.settings), simulated=False)

    async with world.database.connection() as connection:
        assert await any_simulated(connection)


async def test_an_empty_database_may_change_its_mind(world: World) -> None:
    async with world.database.transaction() as connection:
        await configure_budget(connection, NAME, budget_of(world.settings), simulated=False)

        assert not await any_simulated(connection)
