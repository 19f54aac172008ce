"""What Coinbase says only in words, in the notes of its transaction export."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

from resolvers.csv_import.numbers import parse_number

_NUMBER = r"([\d.,]+(?:[eE]-?\d+)?)"
# Converted 0.05413984 BTC to 451.212148 USDC
_CONVERTED = re.compile(rf"\s*Converted {_NUMBER} (\w+) to {_NUMBER} (\w+)\s*", re.ASCII)
# Bought 0.035 SOL for 6.6899 EUR on SOL-EUR at 190 EUR/SOL
_TRADED = re.compile(rf"\s*(?:Bought|Sold) {_NUMBER} (\w+) for \D{{0,4}}{_NUMBER} (\w+) on \w+-(\w+)\b.*", re.DOTALL)


class Conversion(NamedTuple):
    given: Decimal
    from_code: str
    received: Decimal
    to_code: str


class Payment(NamedTuple):
    """What was paid or received for it, with all fees."""

    amount: Decimal
    code: str


def read_conversion(notes: str) -> Conversion | None:
    match = _CONVERTED.fullmatch(notes)
    if match is None:
        return None
    given, from_code, received, to_code = match.groups()
    try:
        return Conversion(parse_number(given), from_code, parse_number(received), to_code)
    except ValueError:
        return None


def read_payment(notes: str) -> Payment | None:
    """Of a trade on a market, which is paid from what the account holds."""
    match = _TRADED.fullmatch(notes)
    if match is None or match[4] != match[5]:
        return None
    try:
        return Payment(parse_number(match[3]), match[4])
    except ValueError:
        return None
