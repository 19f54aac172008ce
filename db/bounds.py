"""How large and how small a stored figure may be.

Converted prices are products and quotients of three stored ones: of figures within these bounds they stay far inside
what a double holds (1e308), so that no stored figure can make a later read fail.
"""

from __future__ import annotations

LEAST_PRICE = 1e-40
MOST = 1e40


def is_price(value: float) -> bool:
    """Whether it can be stored as a price; NaN cannot."""
    return LEAST_PRICE <= value <= MOST


def is_amount(value: float) -> bool:
    """Whether it can be stored as a market cap or a volume, which may be zero; NaN cannot."""
    return 0 <= value <= MOST
