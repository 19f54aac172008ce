"""The demo's portfolios are made once in the life of a database."""

from __future__ import annotations

import pytest

from db.pool import Database
from db.portfolios import PortfolioNameTaken, create_portfolio, delete_portfolio, read_portfolios
from db.secrets import Vault
from pricegraph.auth import OPERATOR
from pricegraph.demo_portfolio import BY_HAND, EVERYTHING, add_demo_portfolios
from simulator.settings import SimulatorSettings
from tests.world import World

pytestmark = pytest.mark.slow

VAULT = Vault.from_keys(Vault.new_key())
COINS = ("bitcoin", "ethereum", "solana", "cardano", "dogecoin")
COUNTS = "select (select count(*) from accounts), (select count(*) from transactions), (select count(*) from balances)"


async def make(world: World) -> bool:
    async with world.database.transaction() as connection:
        return await add_demo_portfolios(connection, SimulatorSettings(), VAULT, world.clock.now(), 90)


async def names(database: Database) -> list[str]:
    async with database.connection() as connection:
        return [row.name for row in await read_portfolios(connection, OPERATOR)]


async def remove(database: Database, name: str) -> None:
    async with database.transaction() as connection:
        [row] = [row for row in await read_portfolios(connection, OPERATOR) if row.name == name]
        await delete_portfolio(connection, OPERATOR, row.id)


async def test_a_second_start_adds_nothing(world: World) -> None:
    await world.know(COINS)

    first = await make(world)
    counted = await count(world)
    again = await make(world)

    assert (first, again) == (True, False)
    assert await names(world.database) == [EVERYTHING, BY_HAND]
    assert await count(world) == counted


async def test_what_was_removed_stays_so(world: World) -> None:
    await world.know(COINS)
    await make(world)

    await remove(world.database, EVERYTHING)
    made = await make(world)

    assert not made
    assert await names(world.database) == [BY_HAND]


async def test_a_portfolio_of_the_same_name_is_left_alone_and_the_demo_is_made_once_the_name_is_free(
    world: World,
) -> None:
    await world.know(COINS)
    async with world.database.transaction() as connection:
        [currency] = await (await connection.execute("select id from currencies where code = 'eur'")).fetchall()
        await create_portfolio(connection, OPERATOR, BY_HAND, currency[0], world.clock.now())

    with pytest.raises(PortfolioNameTaken):
        await make(world)
    assert await names(world.database) == [BY_HAND]

    await remove(world.database, BY_HAND)
    assert await make(world)


async def test_it_waits_until_there_is_a_currency_and_leaves_out_coins_that_are_not_tracked(world: World) -> None:
    before = await make(world)
    await world.know(["ethereum"], ["eur"])
    after = await make(world)

    assert (before, after) == (False, True)
    held = await world.scalar(
        "select array_agg(distinct c.slug) from transactions t join assets a on a.id = t.asset_id "
        "join coins c on c.id = a.coin_id"
    )
    assert held == ["ethereum"]
    assert await world.scalar(
        "select array_agg(distinct y.code) from portfolios p join currencies y on y.id = p.currency_id"
    ) == ["eur"]


async def test_the_key_is_stored_encrypted(world: World) -> None:
    await world.know(COINS)

    await make(world)

    secret = await world.scalar("select secret from accounts where kind = 'COINBASE'")
    assert b"PRIVATE KEY" not in secret
    assert "PRIVATE KEY" in VAULT.decrypt(secret)


async def count(world: World) -> list[int]:
    async with world.database.connection() as connection:
        return list(await (await connection.execute(COUNTS)).fetchone() or ())
