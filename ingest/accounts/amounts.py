"""Decimal text of a source, as an exact number of the kind that `numeric(38, 18)` stores."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

# 20 digits before the point and 18 after it.
_STORED = Context(prec=38, rounding=ROUND_HALF_EVEN)
_STEP = Decimal("1e-18")
# Sums, products and quotients of two stored numbers, before they are rounded; the usual context has 28 digits only.
_EXACT = Context(prec=76, rounding=ROUND_HALF_EVEN)


def read_amount(text: str) -> Decimal:
    """An empty text is zero; more than 18 decimals are rounded, half to even.

    Raises ValueError for what is no amount.
    """
    try:
        return _store(Decimal(text or "0"))
    except InvalidOperation:
        raise ValueError(f"{text[:40]!r} is no amount") from None


def plus(a: Decimal, b: Decimal) -> Decimal:
    """Raises ValueError for a result that is too large to store."""
    return _checked(_EXACT.add(a, b))


def times(a: Decimal, b: Decimal) -> Decimal:
    """Raises ValueError for a result that is too large to store."""
    return _checked(_EXACT.multiply(a, b))


def divided(a: Decimal, b: Decimal) -> Decimal:
    """`b` is not zero. Raises ValueError for a result that is too large to store."""
    return _checked(_EXACT.divide(a, b))


def _checked(value: Decimal) -> Decimal:
    try:
        return _store(value)
    except InvalidOperation:
        raise ValueError("the amount is too large") from None


def _store(value: Decimal) -> Decimal:
    """Also raises InvalidOperation for what is not finite."""
    if not value.is_finite():
        raise InvalidOperation
    return value.quantize(_STEP, context=_STORED)
