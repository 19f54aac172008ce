"""The few figures that a list of measurements becomes."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Of several rounds: the middle one, and how far the others are from it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so many of them (0 to 1) do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
