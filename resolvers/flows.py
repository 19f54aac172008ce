"""What changed a portfolio's holdings, in money of one currency: what gains and returns are made of.

Pure: rows and prices in, flows out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from enum import Enum, auto
from typing import NamedTuple

from db.flows import FlowRow
from db.transactions import Kind
from resolvers.decimals import EXACT
from resolvers.lots import ZERO

# The price of an asset at an instant, and that of money, by the currency's id; None where there is none.
PriceOf = Callable[[int, datetime], Decimal | None]


class Way(Enum):
    """What a flow is to gains and returns."""

    BUY = auto()
    SELL = auto()
    DEPOSIT = auto()
    WITHDRAWAL = auto()
    REWARD = auto()
    FEE = auto()
    # What a source reported beyond the transactions.
    UNEXPLAINED = auto()


class Flow(NamedTuple):
    """One change of what a portfolio holds of an asset. Amounts are exact; None: not known.

    `quantity`: below zero for what goes out. `amount`: what was paid or got for it as far as anybody said so, else its
    value. `value`: what it was worth at that moment. `fee`: what was paid besides.
    """

    asset_id: int
    way: Way
    at: datetime
    quantity: Decimal
    amount: Decimal | None
    value: Decimal | None
    fee: Decimal | None

    @property
    def money(self) -> Decimal | None:
        """What came in from outside with it, below zero for what went out."""
        match self.way:
            case Way.BUY | Way.SELL:
                moved = self.amount
            case Way.REWARD | Way.FEE:
                moved = ZERO
            case _:
                moved = self.value
        if moved is None or self.fee is None:
            return None
        return EXACT.add(moved.copy_negate() if self.quantity < 0 else moved, self.fee)


class Transit(NamedTuple):
    """What is between two accounts from one instant until another; below zero where it arrived before it left."""

    asset_id: int
    quantity: Decimal
    start: datetime
    end: datetime


_INCOMING = {Kind.BUY, Kind.DEPOSIT, Kind.REWARD, Kind.TRANSFER_IN}
_WAYS = {
    Kind.BUY: Way.BUY,
    Kind.SELL: Way.SELL,
    Kind.DEPOSIT: Way.DEPOSIT,
    Kind.TRANSFER_IN: Way.DEPOSIT,
    Kind.WITHDRAWAL: Way.WITHDRAWAL,
    Kind.TRANSFER_OUT: Way.WITHDRAWAL,
    Kind.REWARD: Way.REWARD,
    Kind.FEE: Way.FEE,
}


def make_flows(rows: Iterable[FlowRow], price_of: PriceOf, money_price_of: PriceOf) -> list[Flow]:
    """In order. The two sides of an internal transfer leave what is lost between them: the network's fee."""
    return [flow for row in rows if (flow := _make_flow(row, price_of, money_price_of))]


def make_transits(rows: Iterable[FlowRow]) -> Iterator[Transit]:
    for row in rows:
        if row.other_at is None or row.other_quantity is None or row.other_at <= row.at:
            continue  # the side that is first tells of both
        moved = min(row.quantity, row.other_quantity)
        yield Transit(row.asset_id, moved.copy_negate() if row.kind in _INCOMING else moved, row.at, row.other_at)


def needed_prices(rows: Iterable[FlowRow], *, values: bool) -> Iterator[tuple[int, datetime]]:
    """The assets and instants that `make_flows` asks prices for; without `values` only for what nobody said."""
    for row in rows:
        way, quantity = _read(row)
        unsaid = way is not Way.WITHDRAWAL and row.unit_price is None
        if quantity and (values or unsaid):
            yield row.asset_id, row.at


def needed_rates(rows: Iterable[FlowRow]) -> Iterator[tuple[int, datetime]]:
    """The currencies and instants that `make_flows` asks prices of money for."""
    for row in rows:
        if row.unit_price_currency_id is not None:
            yield row.unit_price_currency_id, row.at
        if row.fee_currency_id is not None:
            yield row.fee_currency_id, row.at


def _make_flow(row: FlowRow, price_of: PriceOf, money_price_of: PriceOf) -> Flow | None:
    way, quantity = _read(row)
    if not quantity and row.fee is None:
        return None
    size = quantity.copy_abs()
    value = _times(size, price_of(row.asset_id, row.at)) if size else ZERO
    amount = value
    if row.unit_price is not None and row.unit_price_currency_id is not None:
        said = EXACT.multiply(size, row.unit_price)
        amount = _times(said, money_price_of(row.unit_price_currency_id, row.at))
    fee: Decimal | None = ZERO
    if row.fee is not None and row.fee_currency_id is not None:
        fee = _times(row.fee, money_price_of(row.fee_currency_id, row.at)) if row.fee else ZERO
    return Flow(row.asset_id, way, row.at, quantity, amount, value, fee)


def _read(row: FlowRow) -> tuple[Way, Decimal]:
    """What it is, and how much came in or, below zero, went out."""
    if row.kind is None:
        return Way.UNEXPLAINED, row.quantity
    if row.other_quantity is not None:
        return _read_transfer(row, row.other_quantity)
    kind = Kind(row.kind)
    way = Way.SELL if row.pays else _WAYS[kind]
    return way, row.quantity if kind in _INCOMING else row.quantity.copy_negate()


def _read_transfer(row: FlowRow, other: Decimal) -> tuple[Way, Decimal]:
    """The side that sent it pays the network; more than was sent came from somewhere else."""
    incoming = row.kind in _INCOMING
    sent, received = (other, row.quantity) if incoming else (row.quantity, other)
    if received > sent:
        return Way.DEPOSIT, EXACT.subtract(received, sent) if incoming else ZERO
    return Way.FEE, ZERO if incoming else EXACT.subtract(received, sent)


def _times(amount: Decimal, price: Decimal | None) -> Decimal | None:
    return None if price is None else EXACT.multiply(amount, price)
