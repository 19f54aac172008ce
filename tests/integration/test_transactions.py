"""Portfolios, accounts and transactions as they are stored: by owner, once each, the newest first."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.accounts import (
    AccountKind,
    AccountLabelTaken,
    NewAccount,
    add_account,
    keep_account,
    lock_portfolio,
    read_accounts,
    read_unknown_assets,
    remove_account,
    replace_key,
)
from db.assets import assets_of_coins, assets_of_currencies, read_assets
from db.holdings import read_holdings
from db.pool import Database
from db.portfolios import PortfolioNameTaken, create_portfolio, delete_portfolio, read_portfolios, rename_portfolio
from db.reconciliation import read_reconciliations
from db.syncs import list_syncs, read_syncs, request_sync
from db.transactions import (
    Kind,
    NewTransaction,
    Place,
    TransactionFilter,
    TransactionRow,
    add_transactions,
    count_transactions,
    delete_transactions,
    list_transactions,
    read_transactions,
)
from db.transfers import unlink_transfer
from tests.api import add_coins, execute
from tests.world import NOW

pytestmark = [pytest.mark.one_store, pytest.mark.slow]

USD = 1
EVERYTHING = TransactionFilter()


def bought(asset_id: int, at: int = 0, external_id: str | None = None, kind: Kind = Kind.BUY) -> NewTransaction:
    moment = NOW - timedelta(minutes=at)
    return NewTransaction(
        asset_id, kind, moment, Decimal("0.5"), Decimal("60000.01"), USD, Decimal("1.5"), USD, external_id
    )


async def make_account(database: Database, owner: str = "alice", label: str = "cold") -> tuple[int, int]:
    """A portfolio of that owner, and a manual account in it."""
    async with database.transaction() as connection:
        found = await read_portfolios(connection, owner)
        portfolio = found[0] if found else await create_portfolio(connection, owner, "main", USD, NOW)
        account = await add_account(connection, owner, NewAccount(portfolio.id, AccountKind.MANUAL, label, NOW))
    assert account is not None
    return portfolio.id, account


async def make_asset(database: Database, coin_id: int = 1) -> int:
    await add_coins(database, coin_id)
    async with database.transaction() as connection:
        return (await assets_of_coins(connection, [coin_id]))[coin_id]


async def add(database: Database, account: int, *rows: NewTransaction) -> list[int | None]:
    async with database.transaction() as connection:
        return await add_transactions(connection, account, rows, NOW)


async def listed(
    database: Database,
    portfolio: int,
    where: TransactionFilter = EVERYTHING,
    limit: int = 100,
    after: Place | None = None,
    owner: str = "alice",
) -> list[TransactionRow]:
    async with database.connection() as connection:
        return (await list_transactions(connection, owner, [portfolio], where, limit, after))[portfolio]


async def test_an_asset_is_made_once_for_each_coin_and_each_currency(database: Database) -> None:
    await add_coins(database, 2)
    async with database.transaction() as connection:
        coins = await assets_of_coins(connection, [1, 2, 1])
        money = await assets_of_currencies(connection, [USD])
        again = await assets_of_coins(connection, [2, 1])
        rows = await read_assets(connection, [coins[1], money[USD]])

    assert again == coins
    assert len({*coins.values(), *money.values()}) == 3
    assert [(row.coin and row.coin.slug, row.currency and row.currency.code) for _, row in sorted(rows.items())] == [
        ("coin-1", None),
        (None, "usd"),
    ]


async def test_a_transaction_is_read_as_it_was_stored(database: Database) -> None:
    asset = await make_asset(database)
    portfolio, account = await make_account(database)
    exact = Decimal("12345678901234567890.123456789012345678")
    new = NewTransaction(asset, Kind.TRANSFER_OUT, NOW, exact, None, None, None, None, "x")

    [id_] = await add(database, account, new)

    [row] = await listed(database, portfolio)
    assert row == TransactionRow(id_ or 0, account, *new, created_at=NOW, transfer_id=None)
    assert row.quantity == exact
    assert (await execute(database, "select change from transactions"))[0][0] == exact.copy_negate()


async def test_an_external_id_comes_in_once_per_account_and_the_answer_says_which_were_known(
    database: Database,
) -> None:
    asset = await make_asset(database)
    _, cold = await make_account(database)
    _, warm = await make_account(database, label="warm")

    first = await add(database, cold, bought(asset, 1, "a"), bought(asset, 2))
    second = await add(
        database, cold, bought(asset, 3, "b"), bought(asset, 1, "a"), bought(asset, 2), bought(asset, 3, "b")
    )
    [elsewhere] = await add(database, warm, bought(asset, 1, "a"))

    assert None not in first
    assert [id_ is None for id_ in second] == [False, True, False, True]
    assert elsewhere is not None
    assert await add(database, cold) == []


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    minutes=st.lists(st.tuples(st.sampled_from(["cold", "warm"]), st.integers(0, 5)), max_size=25),
    size=st.integers(1, 7),
)
async def test_pages_give_every_transaction_once_the_newest_first(
    database: Database, minutes: list[tuple[str, int]], size: int
) -> None:
    asset = await make_asset(database)
    await execute(database, "delete from portfolios")
    accounts = {label: (await make_account(database, label=label)) for label in ("cold", "warm")}
    for label, at in minutes:
        await add(database, accounts[label][1], bought(asset, at))
    portfolio = accounts["cold"][0]

    pages: list[TransactionRow] = []
    after = None
    while page := await listed(database, portfolio, limit=size, after=after):
        pages += page
        after = Place(page[-1].at, page[-1].id)

    keys = [(row.at, row.id) for row in pages]
    assert keys == sorted(keys, reverse=True)
    assert len(set(keys)) == len(minutes)


async def test_a_list_can_be_of_one_account_one_coin_and_some_kinds(database: Database) -> None:
    first, second = await make_asset(database, 1), await make_asset(database, 2)
    portfolio, cold = await make_account(database)
    _, warm = await make_account(database, label="warm")
    await add(database, cold, bought(first, 1), bought(second, 2), bought(first, 3, kind=Kind.FEE))
    await add(database, warm, bought(first, 4))

    async def chosen(where: TransactionFilter) -> list[int]:
        rows = await listed(database, portfolio, where)
        async with database.connection() as connection:
            assert await count_transactions(connection, "alice", [portfolio], where) == {portfolio: len(rows)}
        return [int((NOW - row.at).total_seconds() // 60) for row in rows]

    assert await chosen(EVERYTHING) == [1, 2, 3, 4]
    assert await chosen(TransactionFilter(account_id=warm)) == [4]
    assert await chosen(TransactionFilter(coin_id=2)) == [2]
    assert await chosen(TransactionFilter(coin_id=99)) == []
    assert await chosen(TransactionFilter(kinds=("FEE",))) == [3]
    assert await chosen(TransactionFilter(cold, 1, ("BUY", "SELL"))) == [1]


async def test_only_transactions_of_manual_accounts_are_deleted(database: Database) -> None:
    asset = await make_asset(database)
    portfolio, cold = await make_account(database)
    async with database.transaction() as connection:
        bitcoin = NewAccount(portfolio, AccountKind.BITCOIN, "chain", NOW, address="bc1q")
        chain = await add_account(connection, "alice", bitcoin)
    assert chain is not None
    ids = [id_ or 0 for account in (cold, chain) for id_ in await add(database, account, bought(asset))]

    async with database.transaction() as connection:
        deleted = await delete_transactions(connection, "alice", ids)
        rest = await read_transactions(connection, "alice", ids)

    assert (deleted, list(rest)) == (1, ids[1:])


async def test_what_is_somebody_elses_does_not_exist(database: Database) -> None:
    asset = await make_asset(database)
    portfolio, account = await make_account(database, "alice")
    [id_] = await add(database, account, bought(asset))
    assert id_ is not None
    new = NewAccount(portfolio, AccountKind.MANUAL, "mine now", NOW)

    async with database.transaction() as connection:
        assert await read_portfolios(connection, "bob") == []
        assert await read_portfolios(connection, "bob", [portfolio]) == []
        assert await rename_portfolio(connection, "bob", portfolio, "mine") is None
        assert await read_accounts(connection, "bob", ids=[account]) == []
        assert await read_accounts(connection, "bob", portfolio_ids=[portfolio]) == []
        assert await add_account(connection, "bob", new) is None
        assert await read_transactions(connection, "bob", [id_]) == {}
        assert await list_transactions(connection, "bob", [portfolio], EVERYTHING, 9, None) == {portfolio: []}
        assert await count_transactions(connection, "bob", [portfolio], EVERYTHING) == {portfolio: 0}
        assert await delete_transactions(connection, "bob", [id_]) == 0
        assert not await remove_account(connection, "bob", account)
        assert not await delete_portfolio(connection, "bob", portfolio)

    assert [row.id for row in await listed(database, portfolio)] == [id_]


async def test_neither_is_what_a_source_has_said_of_it(database: Database) -> None:
    asset = await make_asset(database)
    portfolio, manual = await make_account(database, "alice")
    new = NewAccount(portfolio, AccountKind.COINBASE, "exchange", NOW, key_name="k", secret=b"s")
    async with database.transaction() as connection:
        account = await add_account(connection, "alice", new)
        assert account is not None
        await request_sync(connection, [account], "test", NOW)
    [received] = await add(database, account, bought(asset, kind=Kind.DEPOSIT))
    [sent] = await add(database, manual, bought(asset, kind=Kind.WITHDRAWAL))
    assert sent is not None
    await execute(database, "insert into transfers values (%s, %s)", sent, received)
    await execute(database, "insert into balances values (%s, %s, %s, 1)", account, asset, NOW)
    await execute(database, "insert into unknown_assets values (%s, 'WAT', 1, %s)", account, NOW)

    async def seen(owner: str) -> list[bool]:
        """Whether the owner finds each of these."""
        async with database.transaction() as connection:
            return [
                bool((await read_unknown_assets(connection, owner, [account]))[account]),
                bool((await read_reconciliations(connection, owner, [account]))[account]),
                bool((await list_syncs(connection, owner, [account], 9))[account]),
                bool(await read_syncs(connection, owner, [1])),
                bool(await request_sync(connection, [account], "test", NOW, owner=owner)),
                await keep_account(connection, owner, manual),
                await lock_portfolio(connection, owner, portfolio),
                await replace_key(connection, owner, account, "k", b"s"),
                bool(await read_holdings(connection, owner, portfolio, NOW)),
                await unlink_transfer(connection, owner, sent),
            ]

    assert await seen("bob") == [False] * 10
    assert await seen("alice") == [True] * 10


async def test_names_are_taken_within_one_owner_and_labels_within_one_portfolio(database: Database) -> None:
    portfolio, _ = await make_account(database, "alice")
    await make_account(database, "bob")

    with pytest.raises(PortfolioNameTaken):
        async with database.transaction() as connection:
            await create_portfolio(connection, "alice", "main", USD, NOW)
    with pytest.raises(AccountLabelTaken):
        async with database.transaction() as connection:
            await add_account(connection, "alice", NewAccount(portfolio, AccountKind.MANUAL, "cold", NOW))


async def test_a_portfolio_takes_everything_along_when_it_is_deleted(database: Database) -> None:
    asset = await make_asset(database)
    portfolio, account = await make_account(database)
    await add(database, account, bought(asset))
    await execute(database, "insert into balances values (%s, %s, %s, 1)", account, asset, NOW)

    async with database.transaction() as connection:
        assert await delete_portfolio(connection, "alice", portfolio)

    for table in ("accounts", "transactions", "balances"):
        assert await execute(database, f"select 1 from {table}") == []
