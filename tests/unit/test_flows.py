"""Rows become flows: what is paid, what it is worth, and what internal transfers leave of themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from db.flows import FlowRow
from resolvers.cost_basis import CostBasisMethod, reckon
from resolvers.flows import Flow, Transit, Way, make_flows, make_transits, needed_prices, needed_rates

START = datetime(2026, 1, 1, tzinfo=UTC)
COIN, EUR = 1, 2


def row(kind: str | None, quantity: str, hours: int = 0, **given: Any) -> FlowRow:
    plain = FlowRow(COIN, kind, START + timedelta(hours=hours), Decimal(quantity), *(None,) * 4, False, None, None)
    return plain._replace(**given)


def price_of(_: int, at: datetime) -> Decimal:
    """10 at the start, one more each hour."""
    return Decimal(10) + (at - START) // timedelta(hours=1)


def rate_of(_: int, at: datetime) -> Decimal:
    return Decimal("1.1")


def flows(*rows: FlowRow) -> list[Flow]:
    return make_flows(rows, price_of, rate_of)


def pair(sent: str, received: str, leaves: int = 1, arrives: int = 2) -> list[FlowRow]:
    """The two sides of an internal transfer, in order of time."""
    out, into = row("WITHDRAWAL", sent, leaves), row("DEPOSIT", received, arrives)
    sides = [
        out._replace(other_at=into.at, other_quantity=into.quantity),
        into._replace(other_at=out.at, other_quantity=out.quantity),
    ]
    return sorted(sides, key=lambda one: one.at)


def test_what_somebody_paid_counts_for_a_trade_and_the_value_for_what_just_comes_and_goes() -> None:
    said: dict[str, Any] = {
        "unit_price": Decimal(3),
        "unit_price_currency_id": EUR,
        "fee": Decimal(1),
        "fee_currency_id": EUR,
    }
    cases = [
        ("BUY", Decimal("7.7")),
        ("SELL", Decimal("-5.5")),
        ("DEPOSIT", Decimal("21.1")),
        ("TRANSFER_IN", Decimal("21.1")),
        ("WITHDRAWAL", Decimal("-18.9")),
        ("TRANSFER_OUT", Decimal("-18.9")),
        ("REWARD", Decimal("1.1")),
        ("FEE", Decimal("1.1")),
    ]
    for kind, money in cases:
        [flow] = flows(row(kind, "2", **said))
        assert (flow.money, flow.value) == (money, Decimal(20)), kind
        assert abs(flow.amount or 0) == Decimal("6.6"), kind


def test_without_a_unit_price_it_is_the_price_of_the_moment() -> None:
    [flow] = flows(row("BUY", "2", hours=5))

    assert flow.amount == flow.value == flow.money == 30


def test_what_pays_for_a_trade_is_sold_at_its_value() -> None:
    [flow] = flows(row("WITHDRAWAL", "2", pays=True))

    assert flow.way is Way.SELL
    assert [flow.quantity, flow.amount, flow.money] == [-2, 20, -20]


def test_what_a_report_adds_is_unexplained_whichever_way_it_goes() -> None:
    found = flows(row(None, "2"), row(None, "-2", hours=1))

    assert [one.way for one in found] == [Way.UNEXPLAINED] * 2
    assert [one.quantity for one in found] == [2, -2]
    assert [one.money for one in found] == [20, -22]


def test_of_an_internal_transfer_the_networks_fee_is_left_where_it_was_sent() -> None:
    [fee] = flows(*pair("1", "0.99"))

    assert (fee.way, fee.at) == (Way.FEE, START + timedelta(hours=1))
    assert [fee.quantity, fee.money] == [Decimal("-0.01"), 0]


def test_what_arrives_beyond_what_was_sent_came_from_outside() -> None:
    [more] = flows(*pair("1", "1.5"))

    assert (more.way, more.at) == (Way.DEPOSIT, START + timedelta(hours=2))
    assert [more.quantity, more.money] == [Decimal("0.5"), 6]


def test_between_two_accounts_is_what_left_and_has_not_arrived() -> None:
    one, two = START + timedelta(hours=1), START + timedelta(hours=2)

    assert list(make_transits(pair("1", "0.99"))) == [Transit(COIN, Decimal("0.99"), one, two)]
    assert list(make_transits(pair("1", "0.99", leaves=2, arrives=1))) == [Transit(COIN, Decimal("-0.99"), one, two)]
    assert list(make_transits(pair("1", "0.99", leaves=1, arrives=1))) == []
    assert list(make_transits([row("WITHDRAWAL", "1")])) == []


KINDS = st.sampled_from(["BUY", "SELL", "DEPOSIT", "WITHDRAWAL", "REWARD", "FEE"])
QUANTITIES = st.decimals("0.01", "100", places=2).map(str)


@given(
    st.lists(st.tuples(KINDS, QUANTITIES, st.integers(0, 50)), max_size=10),
    QUANTITIES,
    st.integers(0, 50),
    st.integers(0, 50),
    st.sampled_from(CostBasisMethod),
)
def test_an_internal_transfer_that_loses_nothing_changes_no_figure(
    moves: list[tuple[str, str, int]], quantity: str, leaves: int, arrives: int, method: CostBasisMethod
) -> None:
    rows = sorted((row(*move) for move in moves), key=lambda one: one.at)
    more = sorted([*rows, *pair(quantity, quantity, leaves, arrives)], key=lambda one: one.at)
    instants = [START + timedelta(hours=hours) for hours in range(51)]

    assert flows(*more) == flows(*rows)
    assert reckon(flows(*more), method, (), instants) == reckon(flows(*rows), method, (), instants)


def test_prices_are_asked_for_what_nobody_said_and_for_everything_where_values_are_wanted() -> None:
    said: dict[str, Any] = {"unit_price": Decimal(3), "unit_price_currency_id": EUR}
    rows = [row("BUY", "1", 1, **said), row("BUY", "1", 2), row("WITHDRAWAL", "1", 3), *pair("1", "1", 4, 5)]
    hours = [START + timedelta(hours=hour) for hour in range(4)]

    assert list(needed_prices(rows, values=False)) == [(COIN, hours[2])]
    assert list(needed_prices(rows, values=True)) == [(COIN, hours[1]), (COIN, hours[2]), (COIN, hours[3])]
    assert list(needed_rates(rows)) == [(EUR, hours[1])]
