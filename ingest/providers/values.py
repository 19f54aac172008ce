"""What counts as a value in a provider's answer."""

from __future__ import annotations

import math
from datetime import timedelta

from db.bounds import is_amount

# A stamp further ahead than this is a fault of the provider's clock or ours.
FUTURE = timedelta(minutes=5)


def finite(value: object) -> float | None:
    """A finite number; null, text and NaN are none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def amount(value: object) -> float | None:
    """A number for market caps and volumes, which may be zero."""
    number = finite(value)
    return number if number is not None and is_amount(number) else None
