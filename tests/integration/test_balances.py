"""Balances: append-only, a row only where there is news, and from a report on the report is what counts."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest

from db.balances import list_unknown, read_expected, report_balances, report_unknown
from db.transactions import Kind, NewTransaction, add_transactions
from tests.wallets import Wallets, open_wallets
from tests.world import World

pytestmark = [pytest.mark.slow, pytest.mark.one_store]


@pytest.fixture
async def wallets(world: World) -> Wallets:
    return await open_wallets(world)


async def asset(wallets: Wallets, slug: str) -> int:
    query = "insert into assets (coin_id) select id from coins where slug = %s returning id"
    return int(await wallets.world.scalar(query, slug))


async def report(wallets: Wallets, account: int, quantities: dict[int, Decimal]) -> int:
    wallets.world.clock.advance(timedelta(seconds=1))
    async with wallets.world.database.transaction() as connection:
        return await report_balances(connection, account, quantities, wallets.world.clock.now())


async def move(wallets: Wallets, account: int, asset_id: int, change: Decimal) -> None:
    wallets.world.clock.advance(timedelta(seconds=1))
    now = wallets.world.clock.now()
    kind = Kind.DEPOSIT if change > 0 else Kind.WITHDRAWAL
    row = NewTransaction(asset_id, kind, now, abs(change), None, None, None, None, None)
    async with wallets.world.database.transaction() as connection:
        await add_transactions(connection, account, [row], now)


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_what_was_reported_last_is_held_and_saying_it_again_adds_nothing(
    wallets: Wallets, seed: int
) -> None:
    dice = random.Random(seed)
    account = await wallets.add_manual("Any")
    symbols = {await asset(wallets, slug): symbol for slug, symbol in (("bitcoin", "BTC"), ("ethereum", "ETH"))}
    for _ in range(12):
        for _ in range(dice.randint(0, 3)):
            await move(wallets, account, dice.choice(list(symbols)), Decimal(dice.choice([-3, 1, 2])) / 7)
        before = await wallets.reports(account)
        quantities = {one: Decimal(dice.randint(0, 2)) / 8 for one in symbols if dice.random() < 0.7}

        await report(wallets, account, quantities)

        held = {symbols[one]: value for one, value in quantities.items() if value}
        assert await wallets.holdings(account) == held
        after = await wallets.reports(account)
        assert set(before) <= set(after)
        assert await report(wallets, account, quantities) == 0
        assert await wallets.holdings(account) == held


async def test_transactions_that_explain_a_report_make_it_no_news(wallets: Wallets) -> None:
    account, bitcoin = await wallets.add_manual("Any"), await asset(wallets, "bitcoin")
    assert await report(wallets, account, {bitcoin: Decimal(2)}) == 1
    await move(wallets, account, bitcoin, Decimal("0.5"))
    async with wallets.world.database.connection() as connection:
        expected = await read_expected(connection, account, wallets.world.clock.now())
    assert expected == {bitcoin: Decimal("2.5")}
    assert await report(wallets, account, {bitcoin: Decimal("2.5")}) == 0
    assert await report(wallets, account, {bitcoin: Decimal("2.4")}) == 1


async def test_of_what_was_never_there_nothing_is_reported(wallets: Wallets) -> None:
    account, bitcoin = await wallets.add_manual("Any"), await asset(wallets, "bitcoin")
    assert await report(wallets, account, {bitcoin: Decimal()}) == 0


async def test_what_is_left_out_is_reported_as_nothing_once(wallets: Wallets) -> None:
    account, bitcoin = await wallets.add_manual("Any"), await asset(wallets, "bitcoin")
    await report(wallets, account, {bitcoin: Decimal(2)})
    assert [await report(wallets, account, {}) for _ in range(2)] == [1, 0]
    assert [quantity for *_, quantity in await wallets.reports(account)] == [2, 0]
    async with wallets.world.database.connection() as connection:
        assert await read_expected(connection, account, wallets.world.clock.now()) == {}


async def test_no_statement_changes_a_report_but_an_account_takes_its_own_with_it(wallets: Wallets) -> None:
    account, bitcoin = await wallets.add_manual("Any"), await asset(wallets, "bitcoin")
    await report(wallets, account, {bitcoin: Decimal(2)})
    for statement in ("update balances set quantity = 3", "delete from balances"):
        with pytest.raises(psycopg.errors.RestrictViolation):
            await wallets.world.execute(statement)
    await wallets.world.execute("delete from accounts where id = %s", account)
    assert await wallets.reports(account) == []


async def test_what_is_not_known_is_kept_as_it_was_seen_last(wallets: Wallets) -> None:
    account, now = await wallets.add_manual("Any"), wallets.world.clock.now()
    async with wallets.world.database.transaction() as connection:
        await report_unknown(connection, account, {"FOO": Decimal(1), "BAR": Decimal(2)}, now)
        await report_unknown(connection, account, {"FOO": Decimal(3)}, now)
        assert await list_unknown(connection, account) == ["FOO"]
    assert await wallets.world.scalar("select quantity from unknown_assets") == 3
