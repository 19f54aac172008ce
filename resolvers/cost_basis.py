"""What holdings have cost, by FIFO or on average, and what was gained when they were sold. Pure arithmetic."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, localcontext
from enum import Enum, StrEnum, auto
from typing import NamedTuple

from resolvers.decimals import EXACT
from resolvers.flows import Flow, Way
from resolvers.lots import ZERO, Average, Fifo, Pool, add, share_of, subtract


class CostBasisMethod(StrEnum):
    FIFO = "FIFO"
    AVERAGE = "AVERAGE"


class Doubt(Enum):
    """Why a figure is not known, or rests on what is not."""

    NO_COST = auto()
    NO_PROCEEDS = auto()
    NO_FEE = auto()
    OVERDRAWN = auto()
    REPORTED_MORE = auto()
    REPORTED_LESS = auto()
    # Of returns, which ask what everything was worth when it came and went.
    NO_VALUE = auto()
    REPORTED = auto()


class Doubtful(NamedTuple):
    asset_id: int
    doubt: Doubt
    at: datetime


class Standing(NamedTuple):
    """How an asset stands: what is held and has cost, and what it has brought so far. None: not known."""

    quantity: Decimal
    cost: Decimal | None
    realised: Decimal | None
    income: Decimal | None


@dataclass
class _Owed:
    """What went out and had not come in: at which cost, and whether it was sold. What comes in makes up for it."""

    quantity: Decimal
    cost: Decimal | None
    sold: bool


@dataclass
class _Book:
    """One asset. Of money, what nobody explains costs what it is worth: that is no mystery as with coins."""

    is_money: bool
    pool: Pool
    realised: Decimal | None = ZERO
    income: Decimal | None = ZERO
    owed: deque[_Owed] = field(default_factory=deque)

    @property
    def standing(self) -> Standing:
        missing = sum((one.quantity for one in self.owed), ZERO)
        return Standing(self.pool.quantity - missing, self.pool.cost, self.realised, self.income)

    def enter(self, flow: Flow) -> Iterator[Doubt]:
        if flow.fee is None:
            yield Doubt.NO_FEE
        if flow.way is Way.UNEXPLAINED and not self.is_money:
            yield Doubt.REPORTED_MORE if flow.quantity > 0 else Doubt.REPORTED_LESS
        yield from self._bring(flow) if flow.quantity > 0 else self._take(flow)

    def _bring(self, flow: Flow) -> Iterator[Doubt]:
        is_told = flow.way is not Way.UNEXPLAINED or self.is_money
        amount = flow.amount if is_told else None
        if is_told and amount is None:
            yield Doubt.NO_COST
        if flow.way is Way.REWARD:
            self.income = add((self.income, amount))
        self._put(flow.quantity, add((amount, flow.fee)))

    def _put(self, quantity: Decimal, cost: Decimal | None) -> None:
        while quantity and self.owed:
            owed = self.owed[0]
            part = min(quantity, owed.quantity)
            share, assumed = share_of(cost, part, quantity), share_of(owed.cost, part, owed.quantity)
            if owed.sold:
                self.realised = subtract(add((self.realised, assumed)), share)
            quantity, cost = quantity - part, subtract(cost, share)
            owed.quantity, owed.cost = owed.quantity - part, subtract(owed.cost, assumed)
            if not owed.quantity:
                self.owed.popleft()
        if quantity:
            self.pool.put(quantity, cost)

    def _take(self, flow: Flow) -> Iterator[Doubt]:
        quantity, sold = -flow.quantity, flow.way in (Way.SELL, Way.FEE)
        held = min(quantity, self.pool.quantity)
        cost = self.pool.take(held) if held else ZERO
        if quantity > held:
            assumed = share_of(flow.value, quantity - held, quantity) if self.is_money else ZERO
            self.owed.append(_Owed(quantity - held, assumed, sold))
            cost = add((cost, assumed))
            if not self.is_money:
                yield Doubt.OVERDRAWN
        if flow.way is Way.SELL:
            if flow.amount is None:
                yield Doubt.NO_PROCEEDS
            self.realised = add((self.realised, flow.amount))
        if sold:
            self.realised = subtract(self.realised, cost)
        self.realised = subtract(self.realised, flow.fee)


@dataclass
class _OwnMoney:
    """Money of the currency itself costs what it is: it makes no gain, and may be overdrawn."""

    quantity: Decimal = ZERO
    realised: Decimal | None = ZERO
    income: Decimal | None = ZERO

    @property
    def standing(self) -> Standing:
        return Standing(self.quantity, self.quantity, self.realised, self.income)

    def enter(self, flow: Flow) -> Iterator[Doubt]:
        if flow.fee is None:
            yield Doubt.NO_FEE
        self.quantity += flow.quantity
        if flow.way is Way.REWARD:
            self.income = add((self.income, flow.quantity))
        spent = -flow.quantity if flow.way is Way.FEE else ZERO
        self.realised = subtract(self.realised, add((spent, flow.fee)))


def reckon(
    flows: Sequence[Flow],
    method: CostBasisMethod,
    money: Collection[int],
    instants: Sequence[datetime],
    own_money: int | None = None,
) -> tuple[list[dict[int, Standing]], list[Doubtful]]:
    """How each asset stood at each of these instants, which ascend; and what is doubtful up to the last one.

    Flows are in order. `money`: the assets that are no coins; `own_money`: the one that is the currency of all amounts.
    """
    books: dict[int, _Book | _OwnMoney] = {}
    doubts: list[Doubtful] = []
    found = []
    coming = deque(flows)
    with localcontext(EXACT):
        for instant in instants:
            while coming and coming[0].at <= instant:
                flow = coming.popleft()
                if flow.asset_id not in books:
                    own = flow.asset_id == own_money
                    books[flow.asset_id] = _OwnMoney() if own else _open(method, is_money=flow.asset_id in money)
                doubts += [Doubtful(flow.asset_id, doubt, flow.at) for doubt in books[flow.asset_id].enter(flow)]
            found.append({asset: book.standing for asset, book in books.items()})
    return found, doubts


def _open(method: CostBasisMethod, *, is_money: bool) -> _Book:
    return _Book(is_money, Fifo() if method is CostBasisMethod.FIFO else Average())
