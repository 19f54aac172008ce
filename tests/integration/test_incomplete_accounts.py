"""When it is not all known what an account held, that is said: half an answer never passes for a whole one."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from db.balances import list_unknown, report_unknown
from db.holdings import read_holdings, read_incomplete
from db.transactions import Kind, NewTransaction, add_transactions
from ingest.syncs.run import Syncer
from tests.wallets import OWNER, Wallets, open_wallets
from tests.world import NOW, FakeClock, World

pytestmark = [pytest.mark.one_store, pytest.mark.slow]

DAY = timedelta(days=1)


@pytest.fixture
async def wallets(world: World) -> Wallets:
    return await open_wallets(world)


async def is_incomplete(wallets: Wallets, account: int, at: datetime) -> bool:
    async with wallets.world.database.connection() as connection:
        found = await read_incomplete(connection, OWNER, wallets.portfolio)
    return account in found and found[account].covers(at)


async def test_a_source_that_was_not_read_yet_holds_something_unknown(wallets: Wallets) -> None:
    manual, address = await wallets.add_manual("Cold"), await wallets.add_bitcoin("savings")

    assert await is_incomplete(wallets, address, NOW)
    assert not await is_incomplete(wallets, manual, NOW)

    await wallets.sync(address)
    assert not await is_incomplete(wallets, address, wallets.world.clock.now())
    assert not await is_incomplete(wallets, address, NOW - 1000 * DAY)


async def test_half_of_what_is_new_is_not_all_until_the_rest_is_read(wallets: Wallets) -> None:
    account = await wallets.add_bitcoin("busy")
    await wallets.sync(account)
    known = wallets.world.clock.now()
    wallets.world.clock.advance(300 * DAY)
    await wallets.world.simulator.fault("503", provider="esplora", after=1)

    run = await wallets.sync(account)

    assert run.status == "FAILED"
    assert run.transactions_new > 0
    assert await is_incomplete(wallets, account, wallets.world.clock.now())
    assert not await is_incomplete(wallets, account, known - 2 * DAY)

    await wallets.world.simulator.heal()
    await wallets.sync(account)
    assert not await is_incomplete(wallets, account, wallets.world.clock.now())


async def test_what_nobody_knows_matters_as_long_as_it_is_held(wallets: Wallets) -> None:
    account = await wallets.add_manual("Exchange")
    reports = [(Decimal(5), NOW - 3 * DAY), (Decimal(0), NOW - 2 * DAY), (Decimal(0), NOW)]
    for quantity, at in reports:
        async with wallets.world.database.transaction() as connection:
            await report_unknown(connection, account, {"XYZQ": quantity}, at)
        assert await is_incomplete(wallets, account, NOW) is (quantity > 0)

    assert await is_incomplete(wallets, account, NOW - 2 * DAY - timedelta(microseconds=1))
    assert not await is_incomplete(wallets, account, NOW - 2 * DAY)


async def test_a_code_that_was_held_once_is_not_forgotten_by_later_syncs(wallets: Wallets) -> None:
    account = await wallets.add_coinbase("everyday")
    async with wallets.world.database.transaction() as connection:
        await report_unknown(connection, account, {"GONE": Decimal(3)}, NOW - DAY)

    for _ in range(2):
        await wallets.sync(account)

        async with wallets.world.database.connection() as connection:
            assert await list_unknown(connection, account) == ["GONE"]
        assert not await is_incomplete(wallets, account, wallets.world.clock.now())
        assert await is_incomplete(wallets, account, NOW - DAY)


async def test_what_a_source_stamps_later_than_it_tells_it_counts_once(wallets: Wallets) -> None:
    account = await wallets.add_bitcoin("savings")
    await wallets.sync(account)
    stamped = await wallets.world.scalar("select max(at) from transactions")
    await wallets.world.execute("truncate transactions, balances, sync_runs cascade")
    async with wallets.world.database.transaction() as connection:
        await connection.execute("update provider_budget set tat = %s", (stamped - DAY,))
    behind = Syncer(wallets.world.database, wallets.sources, FakeClock(stamped - timedelta(hours=1)))

    await behind.run_sync((await wallets.request(account))[account])

    async with wallets.world.database.connection() as connection:
        [row] = await read_holdings(connection, OWNER, wallets.portfolio, stamped)
    truth = (await wallets.truth())["bitcoin"]["savings"]
    assert row.quantity == Decimal(truth["satoshis"]) / 100_000_000


async def test_a_transaction_that_comes_to_light_late_changes_no_holding_since_the_report(wallets: Wallets) -> None:
    account = await wallets.add_bitcoin("savings")
    await wallets.sync(account)
    reported = wallets.world.clock.now()
    held = await wallets.holdings(account)
    asset = await wallets.world.scalar("select asset_id from transactions limit 1")
    late = NewTransaction(asset, Kind.DEPOSIT, reported - DAY, Decimal(7), None, None, None, None, "late")

    async with wallets.world.database.transaction() as connection:
        await add_transactions(connection, account, [late], reported)

    assert await wallets.holdings(account) == held
    async with wallets.world.database.connection() as connection:
        [row] = await read_holdings(connection, OWNER, wallets.portfolio, reported - timedelta(hours=1))
    assert row.quantity == held["BTC"] + 7
