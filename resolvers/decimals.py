"""Exact decimals as clients write and read them."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal

# As numeric(38,18) has it: so many digits before the point and so many after it can be stored.
WHOLE_DIGITS, DECIMALS = 20, 18
_LEAST = Decimal(1).scaleb(-DECIMALS)
# For arithmetic without any rounding: products of quantities, prices and rates have fewer digits (db.bounds).
EXACT = Context(prec=500)
# Longer ones are refused unread.
_PLAIN = re.compile(r"([+-]?)0*(\d{1,100}?)(?:\.(\d{1,100}?)0*)?", re.ASCII)
_HINT = 'a Decimal is a string of digits such as "0.5", or a whole number; one with a point is not exact in JSON'


def parse_decimal(value: object) -> Decimal:
    """From a text without an exponent, or a whole number. Raises ValueError, also for a float: it has lost digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    match = _PLAIN.fullmatch(value) if isinstance(value, str) and len(value) <= 200 else None
    if match is None:
        raise ValueError(_HINT)
    sign, whole, fraction = match.groups()
    return Decimal(f"{sign}{whole}.{fraction or 0}")


def format_decimal(value: Decimal) -> str:
    """All of its digits, without an exponent and without zeros that say nothing."""
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def fits(value: Decimal) -> bool:
    """Whether it can be stored as it is. Looks at digits: arithmetic rounds to 28 of them."""
    whole, _, fraction = format_decimal(value.copy_abs()).partition(".")
    return len(whole) <= WHOLE_DIGITS and len(fraction) <= DECIMALS


def round_amount(value: Decimal) -> Decimal:
    """To the decimals of an amount, half to even; what is exact until it leaves the API may have many more."""
    return value.quantize(_LEAST, ROUND_HALF_EVEN, EXACT)
