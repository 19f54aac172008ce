"""Returns of a portfolio; docs/valuation.md has the worked examples of plain cases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from db.pool import Database
from db.series import HOUR, Granularity
from tests.api import add_points, execute, iso
from tests.books import GAINS, METHODS, PERFORMANCE, Books, ago, cash, keep_at_coinbase, move, open_books
from tests.world import NOW

pytestmark = pytest.mark.slow

MINUTE = HOUR / 60


@pytest.fixture
async def books(database: Database) -> AsyncIterator[Books]:
    async with open_books(database) as books:
        yield books


def trade(days_ago: int) -> list[dict[str, Any]]:
    """A coin bought for 100 and a commission of 1, as Coinbase tells it."""
    fee = {"fee": {"amount": "1", "currency": "usd"}}
    return [
        move("BUY", "1", days_ago, "100", externalId="fill:1", **fee),
        cash("WITHDRAWAL", "101", days_ago, externalId="fill:1:cash"),
    ]


async def test_a_trade_within_the_portfolio_costs_its_commission_and_is_no_flow(books: Books) -> None:
    """And divides no period: it does not matter that no price of that day is known."""
    await books.price(0, 100)
    await books.alice.add(books.cold, cash("DEPOSIT", "1000", 9), *trade(3))

    for method in METHODS:
        found = await books.performance(**{"from": iso(ago(5)), "method": method})
        assert (found["netFlows"], found["gain"], found["warnings"]) == ("0", "-1", [])
        assert found["percent"] == pytest.approx(-0.1)
    gains = await books.gains()
    assert (gains["costBasis"], gains["unrealisedGain"], gains["realisedGain"]) == ("1000", "-1", "0")


async def test_what_is_on_its_way_between_two_accounts_is_still_there(books: Books) -> None:
    for days, price in ((5, 10), (3, 12), (2, 14)):
        await books.price(days, price)
    await books.alice.add(books.cold, move("BUY", "2", 9, "10"), move("TRANSFER_OUT", "1", 3))
    await books.alice.add(books.warm, move("TRANSFER_IN", "1", 3) | {"at": iso(ago(3) + 20 * HOUR)})
    between = iso(ago(3) + HOUR)

    gains = await books.gains(at=between)
    assert (gains["value"], gains["unrealisedGain"], gains["assets"][0]["quantity"]) == ("24", "4", "2")
    for method in METHODS:
        found = await books.performance(**{"from": iso(ago(5)), "to": between, "method": method})
        assert (found["end"], found["gain"], found["netFlows"]) == ("24", "4", "0")
        later = await books.performance(**{"from": between, "to": iso(ago(2)), "method": method})
        assert (later["start"], later["gain"], later["netFlows"]) == ("24", "4", "0")


async def test_what_was_paid_at_the_start_of_a_period_is_no_flow_of_it(books: Books) -> None:
    await books.price(3, 12)
    await books.price(0, 12)
    fee = {"amount": "1", "currency": "usd"}
    await books.alice.add(books.cold, move("BUY", "2", 9, "10"), move("TRANSFER_OUT", "1", 3, fee=fee))
    await books.alice.add(books.warm, move("TRANSFER_IN", "1", 3) | {"at": iso(ago(3) + HOUR)})

    assert (await books.performance(**{"from": iso(ago(3))}))["netFlows"] == "0"
    assert (await books.performance(**{"from": iso(ago(3) - HOUR), "to": iso(ago(3))}))["netFlows"] == "1"


async def test_money_that_comes_and_goes_does_not_change_the_time_weighted_percent(books: Books) -> None:
    for days, price in ((9, 10), (6, 7.5), (4, 3.125), (2, 13), (0, 11)):
        await books.price(days, price)
    await books.alice.add(books.cold, move("BUY", "1", 9, "10"))
    asked = {"from": iso(ago(9)), "method": "TIME_WEIGHTED"}
    before = await books.performance(**asked)

    await books.alice.add(
        books.warm, move("DEPOSIT", "30", 6), move("WITHDRAWAL", "12.5", 4), move("BUY", "3", 2, "13")
    )

    after = await books.performance(**asked)
    assert before["percent"] == after["percent"] == pytest.approx(10)
    assert before["gain"] != after["gain"]


async def test_flows_between_the_hours_are_valued_at_the_prices_of_the_hours_before(books: Books) -> None:
    await add_points(books.database, Granularity.HOURLY, [ago(2) + hours * HOUR for hours in range(48)])
    await books.alice.add(books.cold, move("BUY", "1", 2, "10"))
    asked = {"from": iso(ago(2)), "to": iso(ago(0) - HOUR), "method": "TIME_WEIGHTED"}
    before = await books.performance(**asked)

    between = [iso(ago(2) + hours * HOUR + 7 * MINUTE) for hours in (3, 4, 30)]
    await books.alice.add(books.cold, *(move("DEPOSIT", "2.5", 2) | {"at": at} for at in between))

    after = await books.performance(**asked)
    assert after["percent"] == pytest.approx(before["percent"])
    assert after["percent"] > 1


async def test_a_return_over_a_value_that_is_not_known_is_none_and_says_when(books: Books) -> None:
    await books.price(0, 11)
    await books.alice.add(books.cold, move("BUY", "1", 9, "10"))

    found = await books.performance(**{"from": iso(ago(5))})

    assert (found["start"], found["end"], found["gain"], found["percent"]) == (None, "11", None, None)
    assert not found["complete"]
    assert iso(ago(5)) in found["warnings"][0]


async def test_only_the_time_weighted_percent_asks_what_all_was_worth_in_between(books: Books) -> None:
    await books.price(9, 10)
    await books.price(0, 11)
    await books.alice.add(books.cold, move("BUY", "1", 9, "10"), move("BUY", "1", 5, "10.5"))

    found = {method: await books.performance(**{"from": iso(ago(9)), "method": method}) for method in METHODS}

    assert [found[method]["gain"] for method in METHODS] == ["1.5"] * 3
    assert found["TIME_WEIGHTED"]["percent"] is None
    assert any(iso(ago(5)) in warning for warning in found["TIME_WEIGHTED"]["warnings"])
    assert found["SIMPLE"]["percent"] == pytest.approx(1.5 / 20.5 * 100)
    assert found["MONEY_WEIGHTED"]["complete"]


async def test_a_percent_that_makes_no_sense_is_none_with_the_reason(books: Books) -> None:
    await books.price(1, 10)
    await books.price(0, 11)
    await books.alice.add(books.cold, move("REWARD", "1", 1))

    for method in METHODS:
        found = await books.performance(**{"from": iso(ago(5)), "method": method})
        assert (found["gain"], found["percent"], found["complete"]) == ("11", None, True)
        assert len(found["warnings"]) == 1


async def test_what_a_source_reports_beyond_the_transactions_has_no_cost_and_says_so(books: Books) -> None:
    for days in (7, 5, 0):
        await books.price(days, 10)
    await execute(books.database, "insert into assets (coin_id) values (1)")
    await keep_at_coinbase(books)
    await books.report(7, "1")
    await books.report(5, "3")

    gains = await books.gains()
    assert (gains["costBasis"], gains["value"], gains["complete"]) == (None, "30", False)
    assert gains["warnings"][0].startswith(f"coin-1, {iso(ago(5))}: the source reports more")
    found = await books.performance(**{"from": iso(ago(7))})
    assert (found["netFlows"], found["gain"], found["percent"], found["complete"]) == ("20", "0", 0, False)
    assert len(found["warnings"]) == 1


async def test_before_a_first_report_that_nothing_explains_there_is_no_return(books: Books) -> None:
    for days in (8, 7, 0):
        await books.price(days, 10)
    await execute(books.database, "insert into assets (coin_id) values (1)")
    await keep_at_coinbase(books)
    await books.report(7, "3")

    found = await books.performance(**{"from": iso(ago(8))})

    assert (found["start"], found["percent"], found["complete"]) == (None, None, False)
    assert any("'exchange'" in warning for warning in found["warnings"])
    assert (await books.performance(**{"from": iso(ago(7))}))["percent"] == 0


@pytest.mark.slow
async def test_a_period_in_which_money_moves_all_the_time_is_refused(books: Books) -> None:
    await execute(books.database, "insert into assets (coin_id) values (1)")
    await execute(
        books.database,
        "insert into transactions (account_id, asset_id, kind, at, quantity, unit_price, unit_price_currency_id, "
        "created_at) select (select min(id) from accounts), (select min(id) from assets), 'BUY', "
        "%s::timestamptz + i * interval '1 second', 1, 10, 1, %s from generate_series(1, 10000) i",
        ago(1),
        NOW,
    )
    given = {"from": iso(ago(1)), "id": books.portfolio, "method": "TIME_WEIGHTED"}

    error = await books.alice.api.fail(PERFORMANCE, **given)

    assert error["extensions"]["code"] == "COST_EXCEEDED"
    assert "MONEY_WEIGHTED" in error["message"]
    assert (await books.performance(**{"from": iso(ago(1)), "method": "SIMPLE"}))["netFlows"] == "100000"


REFUSED: Sequence[tuple[str, dict[str, Any], str]] = [
    (GAINS, {"at": "now+1d"}, "RANGE_INVALID"),
    (GAINS, {"currency": "xyz"}, "NOT_FOUND"),
    (PERFORMANCE, {"from": "now+1d"}, "RANGE_INVALID"),
    (PERFORMANCE, {"from": "now-1d", "to": "now-2d"}, "RANGE_INVALID"),
    (PERFORMANCE, {"from": "now-1d", "currency": "xyz"}, "NOT_FOUND"),
]


async def test_what_makes_no_sense_is_refused_with_a_code(books: Books, subtests: pytest.Subtests) -> None:
    for query, given, code in REFUSED:
        with subtests.test(given=given):
            error = await books.alice.api.fail(query, id=books.portfolio, **given)
            assert error["extensions"]["code"] == code
