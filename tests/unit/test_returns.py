"""The percent of a return, by three methods."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.decimals import EXACT
from resolvers.returns import Payment, Turn, gain_of, money_weighted, simple, time_weighted

ZERO = Decimal(0)
PRICES = st.decimals("0.01", "1000", places=4)
MONEY = st.decimals("-1000", "1000", places=2)


@given(st.lists(st.tuples(PRICES, MONEY), max_size=8), PRICES, PRICES)
def test_time_weighted_is_what_the_price_did_whatever_comes_and_goes(
    moves: list[tuple[Decimal, Decimal]], first: Decimal, last: Decimal
) -> None:
    """One coin at these prices; money that comes and goes buys and sells it at the price of the moment."""
    held, turns = Decimal(1), []
    for price, money in moves:
        before = EXACT.multiply(held, price)
        if before + money <= 0:
            continue
        after = EXACT.add(before, money)
        turns.append(Turn(before, money, after))
        held = Decimal(after) / price
    end = held * last

    percent = time_weighted(first, turns, end)

    assert percent == pytest.approx(float(last / first - 1) * 100, rel=1e-9, abs=1e-9)


def test_what_a_trade_costs_counts_as_growth_on_the_day_of_the_trade() -> None:
    """For 105 something worth 100 was bought, and later sold for 95."""
    bought, sold = Turn(ZERO, Decimal(105), Decimal(100)), Turn(Decimal(100), Decimal(-95), ZERO)

    assert time_weighted(ZERO, [bought], Decimal(100)) == pytest.approx((100 / 105 - 1) * 100)
    assert time_weighted(Decimal(100), [sold], ZERO) == pytest.approx(-5)


def test_growth_from_nothing_or_from_debts_has_no_percent() -> None:
    assert time_weighted(ZERO, [], Decimal(1)) is None
    assert time_weighted(Decimal(-1), [], Decimal(1)) is None
    assert time_weighted(ZERO, [], ZERO) == 0


PAYMENTS = st.lists(
    st.builds(Payment, st.decimals("0", "1000", places=2), st.floats(0, 1, allow_subnormal=False)), max_size=8
)


@given(st.decimals("1", "1000", places=2), PAYMENTS, st.floats(-0.99, 20))
def test_money_weighted_finds_the_rate_that_the_money_earned(
    start: Decimal, payments: list[Payment], rate: float
) -> None:
    end = math.fsum(float(one.money) * (1 + rate) ** one.left for one in [*payments, Payment(start, 1.0)])

    found = money_weighted(start, payments, Decimal(end))

    assert found == pytest.approx(rate * 100, rel=1e-6, abs=1e-6)


def test_without_money_in_between_all_three_are_the_growth() -> None:
    start, end = Decimal(80), Decimal(100)

    assert simple(start, [], end) == time_weighted(start, [], end) == 25
    assert money_weighted(start, [], end) == pytest.approx(25)


def test_a_rate_that_takes_money_out_on_the_way_is_found() -> None:
    """100 grow by a tenth in the first half, 60 are taken out, 50 grow by a tenth in the second."""
    assert money_weighted(Decimal(100), [Payment(Decimal(-60), 0.5)], Decimal(55)) == pytest.approx(21)


def test_there_is_no_rate_for_what_came_from_nothing_and_a_rate_of_minus_100_for_what_is_gone() -> None:
    assert money_weighted(ZERO, [], Decimal(5)) is None
    assert money_weighted(Decimal(-5), [], Decimal(5)) is None
    assert money_weighted(ZERO, [], ZERO) is None
    assert money_weighted(Decimal(5), [Payment(Decimal(3), 0.5)], ZERO) == -100


def test_simple_sets_the_gain_against_what_was_put_in() -> None:
    payments = [Decimal(50), Decimal(-30)]

    assert gain_of(Decimal(100), payments, Decimal(150)) == 30
    assert simple(Decimal(100), payments, Decimal(150)) == 20
    assert simple(ZERO, [Decimal(-30)], Decimal(5)) is None
