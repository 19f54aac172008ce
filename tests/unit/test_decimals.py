"""Decimals are exact from the client to the database and back."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.decimals import fits, format_decimal, parse_decimal


def exact(digits: int) -> Decimal:
    """So many units of the last decimal place; without arithmetic, which rounds."""
    return Decimal((int(digits < 0), tuple(map(int, str(abs(digits)))), -18))


@given(digits=st.integers(-(10**38) + 1, 10**38 - 1))
def test_what_can_be_stored_is_read_as_it_was_written(digits: int) -> None:
    value = exact(digits)
    text = format_decimal(value)

    assert fits(value)
    assert parse_decimal(text) == value
    assert format_decimal(parse_decimal(text)) == text
    assert "e" not in text.lower()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("0.50", "0.5"),
        ("-0.0", "0"),
        ("007", "7"),
        ("+1", "1"),
        (12, "12"),
        (-(10**19), "-10000000000000000000"),
        ("0.000000000000000001", "0.000000000000000001"),
        ("100", "100"),
        ("1." + "0" * 90, "1"),
    ],
)
def test_zeros_that_say_nothing_are_left_out(written: object, read: str) -> None:
    assert format_decimal(parse_decimal(written)) == read


@pytest.mark.parametrize(
    "value",
    [
        0.5,
        1.0,
        True,
        None,
        "",
        ".5",
        "1.",
        "1e3",
        "1E-8",
        "0x1",
        "١",
        "1,5",
        " 1",
        "NaN",
        "Infinity",
        "1" * 201,
        "--1",
        [1],
    ],
)
def test_what_is_no_exact_decimal_is_refused_in_words(value: object) -> None:
    with pytest.raises(ValueError, match=r'such as "0\.5"'):
        parse_decimal(value)


def test_more_digits_than_can_be_stored_do_not_fit() -> None:
    assert fits(Decimal("9" * 20 + "." + "9" * 18))
    assert not fits(Decimal("1" + "0" * 20))
    assert not fits(Decimal("0." + "0" * 18 + "1"))
    assert fits(parse_decimal("0.5" + "0" * 90))
