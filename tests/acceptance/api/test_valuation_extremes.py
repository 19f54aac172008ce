"""Valuations at the edges: the largest and the smallest amounts, odd selections, and portfolios of many accounts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from db.pool import Database, PoolSettings, open_database
from db.series import DAY, HOUR, Granularity, floor
from tests.acceptance.api.test_valuation import HISTORY, price, value
from tests.api import CountingCursor, add_coins, execute, iso
from tests.portfolios import MANUAL, Person, bought, open_person
from tests.world import NOW

pytestmark = pytest.mark.slow

TODAY = floor(NOW, DAY)
MOST = "99999999999999999999.999999999999999999"
LEAST = "0.000000000000000001"


@pytest.fixture
async def alice(database: Database) -> AsyncIterator[Person]:
    await add_coins(database, 3)
    async with open_person(database, "alice") as person:
        yield person


@pytest.fixture
async def portfolio(alice: Person) -> str:
    return await alice.create_portfolio()


async def test_an_empty_portfolio_is_worth_nothing_and_that_is_all(alice: Person, portfolio: str) -> None:
    found = await value(alice, portfolio, NOW)

    assert (found["total"]["amount"], found["complete"], found["pricesAsOf"]) == ("0", True, None)
    assert (found["holdings"], found["unpriced"], found["incompleteAccounts"]) == ([], [], [])


async def test_the_largest_and_the_smallest_amounts_are_summed_to_the_last_digit(
    database: Database, alice: Person, portfolio: str
) -> None:
    """38 digits are more than a Decimal keeps by itself, and a sum or a product has more."""
    for label in ("one", "two"):
        account = await alice.add_account(portfolio, MANUAL, label)
        await alice.add(account, bought(MOST), bought(LEAST, coin="coin-2"), bought(MOST, "now-1h", kind="SELL"))
        await alice.add(account, bought(MOST, "now-30m"), bought(LEAST, "now-20m", kind="SELL"))
    await price(database, Granularity.DAILY, TODAY, 123456.789)
    await price(database, Granularity.DAILY, TODAY, 1e-18, coin=2)

    found = await value(alice, portfolio, NOW)

    one = Decimal("99999999999999999999.999999999999999998")
    assert [Decimal(held["holding"]["quantity"]) for held in found["holdings"]] == [one, Decimal(LEAST)] * 2
    assert found["total"]["amount"] == "24691357799999999999999999.999999999999506173"
    assert [held["value"]["amount"] for held in found["holdings"]][1::2] == ["0", "0"]


async def test_of_a_coin_with_a_tiny_price_a_lot_is_worth_exactly_so_much(
    database: Database, alice: Person, portfolio: str
) -> None:
    account = await alice.add_account(portfolio, MANUAL)
    await alice.add(account, bought("7000000000000000000"))
    await price(database, Granularity.DAILY, TODAY, 1.23e-16)

    found = await value(alice, portfolio, NOW)

    assert found["total"]["amount"] == "861"


async def test_less_than_nothing_is_counted_and_shown_as_it_is(
    database: Database, alice: Person, portfolio: str
) -> None:
    account = await alice.add_account(portfolio, MANUAL)
    await alice.add(
        account, bought("2", kind="SELL"), {"kind": "DEPOSIT", "currency": "usd", "quantity": "5", "at": "now-1d"}
    )
    await price(database, Granularity.DAILY, TODAY, 10)

    found = await value(alice, portfolio, NOW)

    assert [held["value"]["amount"] for held in found["holdings"]] == ["-20", "5"]
    assert (found["total"]["amount"], {held["weightPercent"] for held in found["holdings"]}) == ("-15", {None})


ODD = """
query($id: ID!) {
  one: portfolio(id: $id) {
    a: history(from: "now-2d", to: "now", interval: DAY_1) { ...Sum ... on Valuation { when: at } }
  }
  portfolio(id: $id) {
    history(from: "now-2d", to: "now", interval: DAY_1) { at }
    history(from: "now-2d", to: "now", interval: DAY_1) { ...Parts }
    inEuro: history(from: "now-2d", to: "now", interval: DAY_1, currency: "eur") {
      ...Sum holdings @skip(if: true) { value { amount } }
    }
  }
}
fragment Sum on Valuation { sum: total { amount currency { code } } knownTotal { amount } }
fragment Parts on Valuation {
  ... { parts: holdings { value { amount } of: holding { coin { slug } } } open: unpriced { quantity } }
}
"""


async def test_a_history_is_the_same_under_any_names_and_in_fragments(
    database: Database, alice: Person, portfolio: str
) -> None:
    account = await alice.add_account(portfolio, MANUAL)
    await alice.add(account, bought("2", "now-5d"), bought("1", "now-5d", coin="coin-2"))
    for day, figure in ((0, 12), (1, 11), (2, 10)):
        await price(database, Granularity.DAILY, TODAY - day * DAY, figure)
        await price(database, Granularity.DAILY, TODAY - day * DAY, figure / 2, currency="eur")

    found = await alice.ask(ODD, id=portfolio)

    days = [iso(TODAY - day * DAY) for day in (1, 0)]
    assert [one["when"] for one in found["one"]["a"]][-2:] == days
    assert [one["knownTotal"]["amount"] for one in found["one"]["a"]][-2:] == ["22", "24"]
    assert [one["sum"] for one in found["one"]["a"]][-2:] == [None, None]
    merged = found["portfolio"]["history"][-2:]
    assert [one["at"] for one in merged] == days
    assert [one["parts"][0]["value"]["amount"] for one in merged] == ["22", "24"]
    assert [one["open"] for one in merged] == [[{"quantity": "1"}]] * 2
    assert [one["knownTotal"]["amount"] for one in found["portfolio"]["inEuro"]][-2:] == ["11", "12"]


async def test_ten_thousand_instants_are_one_answer(database: Database, alice: Person, portfolio: str) -> None:
    account = await alice.add_account(portfolio, MANUAL)
    await alice.add(account, bought("2", "now-500d"))
    await price(database, Granularity.HOURLY, floor(NOW, HOUR), 10)
    given: dict[str, Any] = {"from": iso(floor(NOW, HOUR) - 9_999 * HOUR), "to": "now", "interval": "HOUR_1"}

    history = (await alice.ask(HISTORY, id=portfolio, **given))["portfolio"]["history"]

    assert len(history) == 10_000
    assert [one["total"] and one["total"]["amount"] for one in history[-2:]] == [None, "20"]


EVERYTHING = """
query($id: ID!) {
  portfolio(id: $id) {
    accounts { label status reconciliation { derived } }
    holdings { quantity coin { slug } account { label } }
    valuation { total { amount } holdings { value { amount } holding { account { label } } } unpriced { quantity } }
    history(from: "now-3d", to: "now", interval: DAY_1) { total { amount } incompleteAccounts { label } }
  }
}
"""
ADD_EVERYWHERE = """
with coin as (
    insert into assets (coin_id) values (1) on conflict (coin_id) do update set coin_id = excluded.coin_id returning id
)
insert into transactions (account_id, asset_id, kind, at, quantity, created_at)
select a.id, coin.id, 'BUY', %s, 1, %s from accounts a, coin
"""


async def test_statements_do_not_grow_with_the_accounts(
    alice: Person, portfolio: str, database: Database, database_url: str
) -> None:
    token = alice.api.client.headers["authorization"]
    async with (
        open_database(database_url, PoolSettings(max_size=8), CountingCursor) as counted,
        open_person(counted, "other") as client,
    ):
        client.api.client.headers["authorization"] = token
        counts = []
        for accounts in (1, 10, 100):
            await execute(
                database,
                "insert into accounts (portfolio_id, kind, label, created_at) "
                "select p.id, 'MANUAL', n::text, %s from portfolios p, generate_series(1, %s) n on conflict do nothing",
                NOW,
                accounts,
            )
            await execute(database, "delete from transactions")
            await execute(database, ADD_EVERYWHERE, NOW - DAY, NOW)
            CountingCursor.statements.clear()
            found = (await client.ask(EVERYTHING, id=portfolio))["portfolio"]
            assert len(found["valuation"]["holdings"]) == accounts
            counts.append(len(CountingCursor.statements))
    assert len(set(counts)) == 1, counts
