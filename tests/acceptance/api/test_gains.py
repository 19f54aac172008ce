"""What a portfolio has cost and gained; docs/valuation.md has the worked examples of plain cases."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from db.pool import Database
from tests.api import iso
from tests.books import Books, ago, cash, flat, move, open_books
from tests.world import NOW

pytestmark = pytest.mark.slow


@pytest.fixture
async def books(database: Database) -> AsyncIterator[Books]:
    async with open_books(database) as books:
        yield books


async def test_a_cost_that_cannot_be_told_is_none_and_the_warning_names_coin_and_time(books: Books) -> None:
    await books.price(0, 10)
    await books.alice.add(books.cold, move("DEPOSIT", "1", 9), move("DEPOSIT", "1", 8), move("BUY", "1", 3, "9"))

    found = await books.gains()

    assert (found["costBasis"], found["unrealisedGain"], found["value"]) == (None, None, "30")
    assert (found["realisedGain"], found["complete"]) == ("0", False)
    [warning] = found["warnings"]
    assert warning.startswith(f"coin-1, {iso(ago(9))} and 1 more times: ")


async def test_what_has_no_price_now_has_a_cost_but_no_gain(books: Books) -> None:
    await books.alice.add(books.cold, move("BUY", "2", 9, "10"))

    found = await books.gains()

    assert (found["costBasis"], found["value"], found["unrealisedGain"], found["complete"]) == ("20", None, None, False)
    assert found["warnings"] == [f"coin-1, {iso(NOW)}: there is no price of the 26 hours before"]


async def test_what_is_not_held_any_more_needs_no_price(books: Books) -> None:
    await books.alice.add(books.cold, move("BUY", "2", 9, "10"), move("SELL", "2", 8, "11"))

    found = await books.gains()

    assert (found["value"], found["unrealisedGain"], found["realisedGain"], found["warnings"]) == ("0", "0", "2", [])


async def test_of_one_instant_what_came_in_counts_before_what_went_out(books: Books) -> None:
    await books.alice.add(books.cold, move("SELL", "2", 9, "11"), move("BUY", "2", 9, "10"))

    found = await books.gains()

    assert (found["realisedGain"], found["warnings"]) == ("2", [])


async def test_gains_are_of_the_instant_asked_for(books: Books) -> None:
    await books.price(5, 12)
    await books.alice.add(books.cold, move("BUY", "2", 9, "10"), move("SELL", "1", 3, "11"))

    found = await books.gains(at=iso(ago(5)))

    assert (found["costBasis"], found["unrealisedGain"], found["realisedGain"]) == ("20", "4", "0")


async def test_a_fee_in_money_without_a_rate_is_not_left_out(books: Books) -> None:
    await books.price(0, 10)
    fee = {"fee": {"amount": "1", "currency": "gbp"}}
    await books.alice.add(books.cold, move("BUY", "1", 9, "10", **fee))

    found = await books.gains()

    assert (found["costBasis"], found["complete"]) == (None, False)
    assert "rate" in found["warnings"][0]


async def test_the_holdings_of_a_valuation_share_the_cost_of_their_coin(books: Books) -> None:
    await books.price(1, 10)
    await books.price(0, 20)
    await books.alice.add(books.cold, move("BUY", "1", 9, "4"), move("SELL", "1", 7, "6"))
    await books.alice.add(books.warm, move("BUY", "3", 8, "8"))
    await books.alice.add(books.cold, move("BUY", "1", 1, "8"))
    query = """
    query($id: ID!) {
      portfolio(id: $id) {
        valuation(costBasis: AVERAGE) { holdings { costBasis { amount } unrealisedGain { amount } } }
        history(from: "now-1d/d", interval: DAY_1) { holdings { costBasis { amount } } }
      }
    }
    """

    found = (await books.alice.ask(query, id=books.portfolio))["portfolio"]

    assert [flat(one) for one in found["valuation"]["holdings"]] == [
        {"costBasis": "7.25", "unrealisedGain": "12.75"},
        {"costBasis": "21.75", "unrealisedGain": "38.25"},
    ]
    assert [[flat(one)["costBasis"] for one in at["holdings"]] for at in found["history"]] == [["8", "24"], ["8", "24"]]


async def test_a_coin_that_pays_for_another_one_is_sold_at_its_value(books: Books) -> None:
    for coin, price in ((1, 30), (2, 3)):
        await books.price(3, price, coin)
        await books.price(0, price, coin)
    swap = [
        move("BUY", "10", 3, "3", coin="coin-2", externalId="fill:7"),
        move("WITHDRAWAL", "1", 3, externalId="fill:7:cash"),
    ]
    await books.alice.add(books.cold, move("BUY", "2", 9, "10"), *swap)

    found = await books.gains()

    assert (found["costBasis"], found["realisedGain"], found["unrealisedGain"]) == ("40", "20", "20")


async def test_money_of_another_currency_gains_by_its_rate(books: Books) -> None:
    for days, usd, eur in ((3, 110, 100), (0, 120, 100)):
        await books.price(days, usd)
        await books.price(days, eur, currency="eur")
    await books.alice.add(books.cold, cash("DEPOSIT", "50", 3, "eur"))

    assert (await books.gains())["unrealisedGain"] == "5"
    assert (await books.gains(currency="eur"))["unrealisedGain"] == "0"


async def test_a_portfolio_without_anything_has_gained_nothing(books: Books) -> None:
    found = await books.gains()

    assert found | {"assets": []} == {
        "costBasis": "0",
        "value": "0",
        "unrealisedGain": "0",
        "realisedGain": "0",
        "income": "0",
        "complete": True,
        "warnings": [],
        "assets": [],
    }
    assert (await books.performance(**{"from": "now-9d"}))["gain"] == "0"
