"""Numbers as files write them: with signs of money, groups of thousands, exponents."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

from resolvers.decimals import EXACT

_MINUS = str.maketrans("−–", "--")
# Money whose sign is letters, such as kr or Kč. Behind the number they may mean thousands, so there they are refused.
_LETTERS = re.compile(r"^([+-]?)[^\W\d_]{1,3} ?(?=[\d.,+-])")


def _pattern(point: str, group: str) -> re.Pattern[str]:
    """Groups are of three digits, so that a comma that means the point is never taken for one of thousands."""
    whole = rf"\d{{1,3}}(?:[{group} '’]\d{{3}})+|\d{{0,60}}"
    return re.compile(rf"([+-]?)({whole})(?:{point}(\d{{0,60}}))?(?:[eE]([+-]?\d{{1,2}}))?", re.ASCII)


_POINT = _pattern(point=r"\.", group=",")
_COMMA = _pattern(point=",", group=r"\.")


def parse_number(text: str, *, decimal_comma: bool = False) -> Decimal:
    """Exact. Raises ValueError, in words."""
    plain = _LETTERS.sub(r"\1", "".join(map(_plain, text)).strip(), count=1)
    match = (_COMMA if decimal_comma else _POINT).fullmatch(plain)
    if match is None or not re.search(r"\d", plain):
        raise ValueError(f"{text[:40]!r} is not a number with a decimal {'comma' if decimal_comma else 'point'}")
    sign, whole, fraction, exponent = match.groups()
    digits = re.sub(r"\D", "", whole)
    return EXACT.create_decimal(f"{sign}{digits or 0}.{fraction or 0}e{exponent or 0}")


def _plain(char: str) -> str:
    """Nothing for a sign of money; one kind of space and of minus for all."""
    if unicodedata.category(char) == "Sc":
        return ""
    return " " if char.isspace() else char.translate(_MINUS)
