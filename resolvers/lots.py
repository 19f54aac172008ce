"""What was bought, with its cost: pools that things go into and come out of.

Exact but for one thing: the share of a cost that goes with a part of what was bought is rounded. What is left keeps the
rest, so that nothing is lost or made. Whoever calls does it under the context EXACT.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from resolvers.decimals import EXACT

# Finer than any amount that leaves the API, by far.
_SHARE = Decimal("1e-36")
ZERO = Decimal(0)


class Pool(Protocol):
    """What is held of one asset, with its cost."""

    @property
    def quantity(self) -> Decimal: ...

    @property
    def cost(self) -> Decimal | None: ...

    def put(self, quantity: Decimal, cost: Decimal | None) -> None: ...

    def take(self, quantity: Decimal) -> Decimal | None:
        """No more than there is; answers what it has cost."""


@dataclass
class _Lot:
    quantity: Decimal
    cost: Decimal | None

    def take(self, quantity: Decimal) -> Decimal | None:
        share = share_of(self.cost, quantity, self.quantity)
        self.quantity -= quantity
        self.cost = None if share is None or self.cost is None else self.cost - share
        return share


class Fifo:
    """What came in first goes out first."""

    def __init__(self) -> None:
        self.quantity = ZERO
        self._lots: deque[_Lot] = deque()
        # Of all lots together: the costs that are known, and how many are not.
        self._known, self._unknown = ZERO, 0

    @property
    def cost(self) -> Decimal | None:
        return None if self._unknown else self._known

    def put(self, quantity: Decimal, cost: Decimal | None) -> None:
        self.quantity += quantity
        self._known += cost or ZERO
        self._unknown += cost is None
        self._lots.append(_Lot(quantity, cost))

    def take(self, quantity: Decimal) -> Decimal | None:
        self.quantity -= quantity
        return add(list(self._take(quantity)))

    def _take(self, wanted: Decimal) -> Iterator[Decimal | None]:
        while wanted:
            first = self._lots[0]
            part = min(wanted, first.quantity)
            wanted -= part
            share = first.take(part)
            self._known -= share or ZERO
            if not first.quantity:
                self._unknown -= share is None
                self._lots.popleft()
            yield share


class Average:
    """Each one has cost the same."""

    def __init__(self) -> None:
        self._lot = _Lot(ZERO, ZERO)

    @property
    def quantity(self) -> Decimal:
        return self._lot.quantity

    @property
    def cost(self) -> Decimal | None:
        return self._lot.cost

    def put(self, quantity: Decimal, cost: Decimal | None) -> None:
        lot = self._lot
        self._lot = _Lot(lot.quantity + quantity, add((lot.cost, cost)))

    def take(self, quantity: Decimal) -> Decimal | None:
        taken = self._lot.take(quantity)
        if not self._lot.quantity:  # what was not known of its cost is gone with it
            self._lot.cost = ZERO
        return taken


def share_of(cost: Decimal | None, part: Decimal, whole: Decimal) -> Decimal | None:
    """What part of a cost goes with a part of what it was paid for."""
    if cost is None or part == whole:
        return cost
    return EXACT.divide(EXACT.multiply(cost, part), whole).quantize(_SHARE, context=EXACT)


def add(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """None when one of them is not known."""
    total = ZERO
    for amount in amounts:
        if amount is None:
            return None
        total = EXACT.add(total, amount)
    return total


def subtract(amount: Decimal | None, less: Decimal | None) -> Decimal | None:
    return None if amount is None or less is None else EXACT.subtract(amount, less)
