"""What pricegraph is to reach: its processor time per request as a share of somebody else's, at most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.contenders import POSTGRAPHILE, UNCACHED, WARM, YARDSTICK
from benchmarks.figures import Spread
from benchmarks.measure import Cell


@dataclass(frozen=True)
class Target:
    """`at_most`: the share, by case. Of cases that are not named the share is only told: what they cost is mostly what
    any request costs.
    """

    contender: str
    against: str
    at_most: Mapping[str, float]


TARGETS = [
    Target(UNCACHED, YARDSTICK, {"h11": 1.3, "c20": 1.3, "h1": 1.3}),
    Target(UNCACHED, POSTGRAPHILE, {"h11": 0.30, "h1": 0.30}),
    Target(WARM, YARDSTICK, {"h11": 0.5, "c20": 0.5, "h1": 0.5}),
    Target(WARM, POSTGRAPHILE, {"h11": 0.10, "h1": 0.10, "light": 0.8}),
]


@dataclass(frozen=True)
class Outcome:
    """`ratio` is of rounds; its median counts. Without a target there is nothing to reach."""

    case: str
    contender: str
    against: str
    ratio: Spread
    at_most: float | None

    @property
    def reached(self) -> bool | None:
        return None if self.at_most is None else self.ratio.median <= self.at_most


def check_targets(cells: Sequence[Cell]) -> list[Outcome]:
    """One for every case that both sides were measured at."""
    return [outcome for target in TARGETS for outcome in _check(target, cells)]


def _check(target: Target, cells: Sequence[Cell]) -> Iterator[Outcome]:
    ours, theirs = (
        {cell.case.name: cell for cell in cells if cell.contender.name == name}
        for name in (target.contender, target.against)
    )
    for name in [name for name in ours if name in theirs]:
        ratio = ours[name].ratio(theirs[name])
        yield Outcome(name, target.contender, target.against, ratio, target.at_most.get(name))
