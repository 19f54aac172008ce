"""Three ways to say by how many percent a portfolio has grown. Pure arithmetic.

Percent are of the whole period: nothing is made annual.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from decimal import Context, Decimal
from enum import StrEnum
from typing import NamedTuple

from resolvers.decimals import EXACT
from resolvers.lots import ZERO

# Quotients need an end; a percent has 15 digits at most.
_QUOTIENT = Context(prec=60)
# The logarithms of growth that a rate is looked for at, outwards from none: from a loss of all but 1e-13 on.
_REACH, _STEP = 30.0, 0.25


class ReturnMethod(StrEnum):
    TIME_WEIGHTED = "TIME_WEIGHTED"
    MONEY_WEIGHTED = "MONEY_WEIGHTED"
    SIMPLE = "SIMPLE"


FORMULAS = {
    ReturnMethod.TIME_WEIGHTED: "(product of the growth between flows - 1) x 100, growth = value before a flow / value "
    "after the flow before it; what came in belongs to the value before, what went out to the value after; not "
    "annualised",
    ReturnMethod.MONEY_WEIGHTED: "r x 100, where start x (1 + r) + sum of flow x (1 + r)^(time left / whole time) = "
    "end; not annualised",
    ReturnMethod.SIMPLE: "gain / (start + inflows) x 100, gain = end - start - net flows; not annualised",
}


class Turn(NamedTuple):
    """An instant at which money came in, or, below zero, went out: what everything was worth before and after."""

    before: Decimal
    money: Decimal
    after: Decimal


class Payment(NamedTuple):
    """Money that came in, or, below zero, went out. `left`: how much of the period was left then, 0 to 1."""

    money: Decimal
    left: float


def gain_of(start: Decimal, payments: Iterable[Decimal], end: Decimal) -> Decimal:
    spent = start
    for money in payments:
        spent = EXACT.add(spent, money)
    return EXACT.subtract(end, spent)


def simple(start: Decimal, payments: Sequence[Decimal], end: Decimal) -> float | None:
    """None when nothing was put in."""
    invested = start
    for money in payments:
        invested = EXACT.add(invested, max(money, ZERO))
    return None if invested <= 0 else _percent(_QUOTIENT.divide(gain_of(start, payments, end), invested))


def time_weighted(start: Decimal, turns: Iterable[Turn], end: Decimal) -> float | None:
    """None when there is growth from nothing, or from less."""
    growth, value = Decimal(1), start
    for turn in turns:
        came, went = max(turn.money, ZERO), max(-turn.money, ZERO)
        steps = ((value, turn.before), (EXACT.add(turn.before, came), EXACT.add(turn.after, went)))
        for earlier, later in steps:
            if (factor := _growth(earlier, later)) is None:
                return None
            growth = _QUOTIENT.multiply(growth, factor)
        value = turn.after
    last = _growth(value, end)
    return None if last is None else _percent(_QUOTIENT.subtract(_QUOTIENT.multiply(growth, last), Decimal(1)))


def money_weighted(start: Decimal, payments: Sequence[Payment], end: Decimal) -> float | None:
    """The rate nearest to none at which everything put in comes to the end value; None when there is none."""
    flows = [(float(one.money), one.left) for one in payments] + [(float(start), 1.0), (-float(end), 0.0)]
    flows = [flow for flow in flows if flow[0]]
    if not flows:
        return None

    def excess(growth: float) -> float:
        return math.fsum(money * math.exp(growth * left) for money, left in flows)

    if all(money >= 0 for money, _ in flows):  # put in, and nothing is left of it
        return -100.0
    bracket = _find_bracket(excess)
    return None if bracket is None else math.expm1(_bisect(excess, *bracket)) * 100


def _find_bracket(f: Callable[[float], float]) -> tuple[float, float] | None:
    """Neighbouring places between which the sign changes, as near to zero as any."""
    low = high = 0.0
    at_low = at_high = f(0.0)
    while high < _REACH:
        further, at_further = high + _STEP, f(high + _STEP)
        if at_high * at_further <= 0:
            return high, further
        high, at_high = further, at_further
        further, at_further = low - _STEP, f(low - _STEP)
        if at_low * at_further <= 0:
            return further, low
        low, at_low = further, at_further
    return None


def _bisect(f: Callable[[float], float], low: float, high: float) -> float:
    rises = f(high) > f(low)
    for _ in range(60):
        middle = (low + high) / 2
        if (f(middle) < 0) is rises:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _growth(earlier: Decimal, later: Decimal) -> Decimal | None:
    """Where nothing was there and nothing came of it, nothing has grown."""
    if earlier <= 0:
        return Decimal(1) if earlier == later == 0 else None
    return _QUOTIENT.divide(later, earlier)


def _percent(ratio: Decimal) -> float:
    return float(ratio * 100)
