"""What everything was worth at several instants is what it was worth at each of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from db.asset_prices import AssetQuote
from db.secrets import Vault
from db.valuation import Worth, read_worth
from pricegraph.auth import OPERATOR
from pricegraph.demo_portfolio import BY_HAND, add_demo_portfolios
from simulator.settings import SimulatorSettings
from tests.world import World

pytestmark = pytest.mark.slow

# Of the two stores and of neither; in the midst of hours, and on their starts.
STEPS = [timedelta(days=1), timedelta(hours=1), timedelta(minutes=47), timedelta(hours=26, seconds=1)]


async def worths(world: World, steps: list[timedelta]) -> list[Worth]:
    vault = Vault.from_keys(Vault.new_key())
    today = world.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    instants = [today - timedelta(days=2) + step for step in steps]
    async with world.database.transaction() as connection:
        await add_demo_portfolios(connection, SimulatorSettings(), vault, world.clock.now(), 4)
        [portfolio] = await (
            await connection.execute("select id from portfolios where name = %s", (BY_HAND,))
        ).fetchall()
        cursor = await connection.execute(
            "select a.id, a.coin_id, y.id from assets a, currencies y where a.coin_id is not null and y.code = 'usd'"
        )
        quotes = [AssetQuote(*row) for row in await cursor.fetchall()]
        return await read_worth(connection, OPERATOR, portfolio[0], quotes, instants)


@pytest.mark.parametrize("step", STEPS, ids=str)
async def test_instants_between_stored_points_count_as_each_does_alone(world: World, step: timedelta) -> None:
    await world.know(["bitcoin", "ethereum", "solana"], ["usd"])
    await world.refresh(history_days=4)
    steps = [number * step for number in range(4)]

    together = await worths(world, steps)
    alone = [(await worths(world, [one]))[0] for one in steps]

    assert together == alone
    assert all(worth.priced and worth.known > 10_000 for worth in together)
