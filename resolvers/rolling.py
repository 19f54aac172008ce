"""Mean and deviation of the last so many values at every place, in time that does not grow with how many they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple


class Moments(NamedTuple):
    """Of some values: how many, their mean, and the sum of the squares of their distances from it."""

    size: int
    mean: float
    squares: float

    @property
    def deviation(self) -> float:
        """The sample standard deviation."""
        return math.sqrt(self.squares / (self.size - 1))


def rolling_moments(values: Sequence[float | None], points: int) -> list[Moments | None]:
    """Those of the last `points` values, this one included; None while there are fewer, or when one is unknown.

    The last values are always the end of one block of `points` values and the beginning of the next: both are summed
    up once. No value is ever taken out again, so that a large one leaves no error behind.
    """
    found: list[Moments | None] = []
    ends: list[Moments | None] = [None] * points
    for start in range(0, len(values), points):
        block = [None if value is None else Moments(1, value, 0.0) for value in values[start : start + points]]
        beginnings = list(accumulate(block, _join))
        found += [_join(end, beginning) for end, beginning in zip(ends[1:], beginnings, strict=False)]
        found += beginnings[points - 1 :]
        ends = list(accumulate(reversed(block), _join))[::-1]
    return found


def _join(one: Moments | None, other: Moments | None) -> Moments | None:
    """Of the values of both (Chan, Golub and LeVeque, 1979)."""
    if one is None or other is None:
        return None
    size = one.size + other.size
    apart = other.mean - one.mean
    return Moments(
        size,
        one.mean + apart * other.size / size,
        one.squares + other.squares + apart * apart * one.size * other.size / size,
    )
