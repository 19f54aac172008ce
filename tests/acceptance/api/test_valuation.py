"""What a portfolio was worth: everything priced or no total; the prices and rates known then, never later ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from db.pool import Database
from db.series import DAY, HOUR, Granularity, floor
from tests.api import add_coins, execute, iso
from tests.portfolios import MANUAL, Person, bought, open_person
from tests.world import NOW

pytestmark = pytest.mark.slow

TODAY = floor(NOW, DAY)
NOON = TODAY - 12 * HOUR
VALUATION = """
query($id: ID!, $at: Time!, $currency: String) {
  portfolio(id: $id) {
    valuation(at: $at, currency: $currency) {
      total { amount currency { code } } knownTotal { amount } complete pricesAsOf
      unpriced { coin { slug } currency { code } }
      holdings { holding { coin { slug } currency { code } quantity account { label } } price priceAt value { amount }
                 weightPercent }
      incompleteAccounts { label }
    }
  }
}
"""
HOLDINGS = "query($id: ID!, $at: Time!) { portfolio(id: $id) { holdings(at: $at) { quantity coin { slug } } } }"
HISTORY = """
query($id: ID!, $from: Time!, $to: Time!, $interval: Interval!) {
  portfolio(id: $id) { history(from: $from, to: $to, interval: $interval) { at total { amount } } }
}
"""


@pytest.fixture
async def alice(database: Database) -> AsyncIterator[Person]:
    """Prices are stored in usd; in eur those of coin-1 alone."""
    await add_coins(database, 3)
    await execute(database, "update currencies set tracked = code = 'usd'")
    await execute(database, "update currencies set rate_coin_id = 1 where code = 'eur'")
    async with open_person(database, "alice") as person:
        yield person


@pytest.fixture
async def portfolio(alice: Person) -> str:
    return await alice.create_portfolio()


@pytest.fixture
async def account(alice: Person, portfolio: str) -> str:
    return await alice.add_account(portfolio, MANUAL)


async def price(
    database: Database, granularity: Granularity, at: datetime, figure: float, coin: int = 1, currency: str = "usd"
) -> None:
    await execute(
        database,
        f"insert into {granularity.table} (coin_id, currency_id, ts, price, observed_at, provider_id) "
        "select %s, id, %s, %s, %s, 1 from currencies where code = %s",
        coin,
        at,
        figure,
        at,
        currency,
    )


async def value(alice: Person, portfolio: str, at: datetime, currency: str | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = await alice.ask(VALUATION, id=portfolio, at=iso(at), currency=currency)
    found: dict[str, Any] = answer["portfolio"]["valuation"]
    return found


async def test_a_total_is_the_exact_sum_of_quantities_times_prices(
    database: Database, alice: Person, portfolio: str, account: str
) -> None:
    await alice.add(account, bought("0.1"), bought("3", coin="coin-2"))
    await price(database, Granularity.DAILY, TODAY, 0.1)
    await price(database, Granularity.HOURLY, NOON, 33.333333333333336, coin=2)

    found = await value(alice, portfolio, TODAY)

    assert found["total"] == {"amount": "100.010000000000008", "currency": {"code": "usd"}}
    assert [one["value"]["amount"] for one in found["holdings"]] == ["0.01", "100.000000000000008"]
    assert [one["priceAt"] for one in found["holdings"]] == [iso(TODAY), iso(NOON)]
    assert sum(one["weightPercent"] for one in found["holdings"]) == pytest.approx(100)
    assert found["pricesAsOf"] == iso(NOON)


async def test_with_a_holding_that_has_no_price_there_is_no_total(
    database: Database, alice: Person, portfolio: str, account: str
) -> None:
    await alice.add(account, bought("2"), bought("3", coin="coin-2"))
    await price(database, Granularity.DAILY, TODAY, 10)

    found = await value(alice, portfolio, TODAY)

    assert (found["total"], found["complete"]) == (None, False)
    assert found["knownTotal"] == {"amount": "20"}
    assert found["unpriced"] == [{"coin": {"slug": "coin-2"}, "currency": None}]


async def test_a_price_counts_for_26_hours_and_never_before_its_time(
    database: Database, alice: Person, portfolio: str, account: str
) -> None:
    await alice.add(account, bought("1", at=iso(TODAY - 5 * DAY)))
    await price(database, Granularity.HOURLY, NOON, 10)

    moments = [NOON - timedelta(microseconds=1), NOON, NOON + 26 * HOUR, NOON + 26 * HOUR + timedelta(microseconds=1)]
    totals = [(await value(alice, portfolio, at))["total"] for at in moments]

    assert [total and total["amount"] for total in totals] == [None, "10", "10", None]


async def test_of_two_prices_of_one_time_the_daily_one_counts_and_else_the_later_one(
    database: Database, alice: Person, portfolio: str, account: str
) -> None:
    await alice.add(account, bought("1", at=iso(TODAY - 5 * DAY)))
    await price(database, Granularity.DAILY, TODAY, 10)
    await price(database, Granularity.HOURLY, TODAY, 11)
    await price(database, Granularity.HOURLY, TODAY + HOUR, 12)
    await execute(
        database,
        "insert into price_latest (coin_id, currency_id, price, observed_at, provider_id) values (1, 1, 13, %s, 1)",
        TODAY + 90 * timedelta(minutes=1),
    )

    moments = [TODAY, TODAY + HOUR / 2, TODAY + HOUR, TODAY + 2 * HOUR]
    totals = [(await value(alice, portfolio, at))["total"]["amount"] for at in moments]

    assert totals == ["10", "10", "12", "13"]


async def test_a_past_value_is_converted_with_the_rate_of_its_time(
    database: Database, alice: Person, portfolio: str, account: str
) -> None:
    await alice.add(account, bought("3", coin="coin-2", at=iso(TODAY - 5 * DAY)))
    for day, rate in ((TODAY - DAY, 0.5), (TODAY, 0.8)):
        await price(database, Granularity.DAILY, day, 100)
        await price(database, Granularity.DAILY, day, 100 * rate, currency="eur")
        await price(database, Granularity.DAILY, day, 10, coin=2)

    totals = [(await value(alice, portfolio, at, "eur"))["total"]["amount"] for at in (TODAY - DAY, TODAY)]

    assert totals == ["15", "24"]


async def test_without_a_rate_nothing_is_taken_as_one_to_one(
    database: Database, alice: Person, portfolio: str, account: str
) -> None:
    await alice.add(
        account,
        bought("3"),
        {"kind": "DEPOSIT", "currency": "usd", "quantity": "5", "at": "now-1d"},
        {"kind": "DEPOSIT", "currency": "eur", "quantity": "7", "at": "now-1d"},
    )
    await price(database, Granularity.DAILY, TODAY, 10)

    found = await value(alice, portfolio, TODAY, "eur")

    assert found["total"] is None
    assert found["knownTotal"] == {"amount": "7"}
    assert found["unpriced"] == [
        {"coin": {"slug": "coin-1"}, "currency": None},
        {"coin": None, "currency": {"code": "usd"}},
    ]


async def test_money_is_worth_itself_and_otherwise_its_rate(
    database: Database, alice: Person, portfolio: str, account: str
) -> None:
    await alice.add(account, {"kind": "DEPOSIT", "currency": "usd", "quantity": "5", "at": "now-2d"})
    await price(database, Granularity.DAILY, TODAY, 100)
    await price(database, Granularity.DAILY, TODAY, 80, currency="eur")

    usd, eur = await value(alice, portfolio, TODAY), await value(alice, portfolio, TODAY, "eur")

    assert (usd["total"]["amount"], usd["pricesAsOf"]) == ("5", None)
    assert (eur["total"]["amount"], eur["pricesAsOf"]) == ("4", iso(TODAY))


async def test_from_a_report_on_the_report_counts_and_before_it_the_account_is_incomplete(
    database: Database, alice: Person, portfolio: str, account: str
) -> None:
    await alice.add(account, bought("1", at=iso(TODAY - 2 * DAY)), bought("0.5", at=iso(TODAY)))
    await execute(
        database,
        "insert into balances (account_id, asset_id, taken_at, quantity) "
        "select a.id, s.id, %s, 4 from accounts a, assets s where s.coin_id = 1",
        TODAY - DAY,
    )
    for day in range(3):
        await price(database, Granularity.DAILY, TODAY - day * DAY, 10)

    before, reported, moved = [await value(alice, portfolio, TODAY - day * DAY) for day in (2, 1, 0)]

    assert (before["total"], before["knownTotal"]) == (None, {"amount": "10"})
    assert before["incompleteAccounts"] == [{"label": "cold"}]
    assert [one["total"]["amount"] for one in (reported, moved)] == ["40", "45"]


async def test_a_history_has_the_valuation_of_the_start_of_each_bucket(
    database: Database, alice: Person, portfolio: str, account: str
) -> None:
    await alice.add(account, bought("2", at=iso(TODAY - DAY)))
    for day, figure in ((0, 12), (1, 11), (2, 10)):
        await price(database, Granularity.DAILY, TODAY - day * DAY, figure)

    given = {"id": portfolio, "from": iso(TODAY - 2 * DAY), "to": "now", "interval": "DAY_1"}
    history = (await alice.ask(HISTORY, **given))["portfolio"]["history"]

    days = [iso(TODAY - day * DAY) for day in (2, 1, 0)]
    assert [(one["at"], one["total"]["amount"]) for one in history] == list(zip(days, ["0", "22", "24"], strict=True))


async def test_nothing_is_said_of_the_future_and_no_history_is_longer_than_its_limit(
    alice: Person, portfolio: str, account: str
) -> None:
    future = await alice.api.fail(HOLDINGS, id=portfolio, at="now+1s")
    long = await alice.api.fail(HISTORY, id=portfolio, **{"from": "now-2y", "to": "now", "interval": "HOUR_1"})

    assert (future["extensions"]["code"], long["extensions"]["code"]) == ("RANGE_INVALID", "COST_EXCEEDED")


async def test_holdings_of_nothing_are_left_out(alice: Person, portfolio: str, account: str) -> None:
    await alice.add(
        account, bought("1", at="now-2d"), bought("1", at="now-1d", kind="SELL"), bought("3", coin="coin-2")
    )

    now = (await alice.ask(HOLDINGS, id=portfolio, at="now"))["portfolio"]["holdings"]
    before = (await alice.ask(HOLDINGS, id=portfolio, at="now-36h"))["portfolio"]["holdings"]

    assert now == [{"quantity": "3", "coin": {"slug": "coin-2"}}]
    assert before == [{"quantity": "1", "coin": {"slug": "coin-1"}}]
