"""What pricegraph is to reach: its processor time per request as a share of somebody else's, at most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.contenders import POSTGRAPHILE, UNCACHED, WARM, YARDSTICK
from benchmarks.figures import Spread
from benchmarks.measure import Cell


@dataclass(frozen=True)
class Target:
    """For heavy cases, or for light ones."""

    contender: str
    against: str
    heavy: bool
    at_most: float


TARGETS = [
    Target(UNCACHED, YARDSTICK, heavy=True, at_most=1.3),
    Target(UNCACHED, POSTGRAPHILE, heavy=True, at_most=0.30),
    Target(WARM, YARDSTICK, heavy=True, at_most=0.5),
    Target(WARM, POSTGRAPHILE, heavy=True, at_most=0.10),
    Target(WARM, POSTGRAPHILE, heavy=False, at_most=0.8),
]


@dataclass(frozen=True)
class Outcome:
    """`ratio` is of rounds; its median counts."""

    case: str
    contender: str
    against: str
    ratio: Spread
    at_most: float
    reached: bool


def check_targets(cells: Sequence[Cell]) -> list[Outcome]:
    """One for every case that both sides were measured at."""
    return [outcome for target in TARGETS for outcome in _check(target, cells)]


def _check(target: Target, cells: Sequence[Cell]) -> Iterator[Outcome]:
    ours, theirs = (
        {cell.case.name: cell for cell in cells if cell.contender.name == name and cell.case.heavy == target.heavy}
        for name in (target.contender, target.against)
    )
    for name in [name for name in ours if name in theirs]:
        ratio = ours[name].ratio(theirs[name])
        yield Outcome(
            name, target.contender, target.against, ratio, target.at_most, reached=ratio.median <= target.at_most
        )
