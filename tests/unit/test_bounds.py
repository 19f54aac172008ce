"""What can be stored as a price, a market cap or a volume: whatever passes can be converted."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.bounds import LEAST_PRICE, MOST, is_amount, is_price

PRICES = st.floats(LEAST_PRICE, MOST)


@given(PRICES, PRICES, PRICES, st.floats(0, MOST))
def test_the_conversion_of_stored_figures_neither_overflows_nor_vanishes(
    price: float, quote: float, base: float, cap: float
) -> None:
    assert is_price(price)
    assert is_amount(cap)
    converted = price * (quote / base)
    assert 1e-130 < converted < 1e130
    assert 0 <= cap * (quote / base) < 1e130


@pytest.mark.parametrize(
    "value", [0.0, -1.0, 5e-324, math.nextafter(LEAST_PRICE, 0), 1.1e40, 1.7e308, math.inf, math.nan]
)
def test_other_figures_are_no_prices(value: float) -> None:
    assert not is_price(value)


@pytest.mark.parametrize("value", [-5e-324, math.nextafter(MOST, math.inf), math.inf, math.nan])
def test_other_figures_are_no_amounts(value: float) -> None:
    assert not is_amount(value)
