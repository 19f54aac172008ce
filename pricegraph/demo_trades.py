"""What the demo's owner has bought, earned, sold and moved in two years: entered by hand, at the simulated prices."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from db.transactions import Kind
from simulator.bitcoin_chain import Chain, Transaction
from simulator.bitcoin_wallets import WALLETS
from simulator.currencies import CURRENCIES
from simulator.market import Market

_SATOSHI, _CENT = Decimal("0.00000001"), Decimal("0.01")
_FEE = Decimal("0.005")
_TIME_OF_DAY = timedelta(hours=9, minutes=30)


class Trade(NamedTuple):
    """`coin` is a slug; `price` and `fee` are in US dollars; `id` is as a source would give it."""

    kind: Kind
    coin: str
    at: datetime
    quantity: Decimal
    price: Decimal | None
    fee: Decimal | None
    id: str


class _Habit(NamedTuple):
    """Done so many `times`, `every` so many days, first so many days `ago`: for so many dollars, or of so much."""

    kind: Kind
    coin: str
    ago: int
    every: int
    times: int
    dollars: Decimal | None = None
    quantity: Decimal = Decimal()


_HABITS = (
    _Habit(Kind.BUY, "bitcoin", 700, 60, 12, dollars=Decimal(2000)),
    _Habit(Kind.BUY, "ethereum", 690, 90, 8, dollars=Decimal(1200)),
    _Habit(Kind.BUY, "solana", 650, 1, 1, dollars=Decimal(3000)),
    _Habit(Kind.REWARD, "solana", 510, 90, 6, quantity=Decimal("0.21")),
    _Habit(Kind.SELL, "solana", 45, 1, 1, quantity=Decimal(8)),
    _Habit(Kind.SELL, "ethereum", 20, 1, 1, quantity=Decimal(1)),
)


def list_trades(market: Market, today: datetime) -> list[Trade]:
    """Up to the day that begins at `today`, the oldest first."""
    return sorted((trade for habit in _HABITS for trade in _follow(habit, market, today)), key=lambda trade: trade.at)


def find_transfer(trades: list[Trade], chain: Chain, today: datetime) -> Trade | None:
    """Bitcoin moved to the savings address: the newest payment that it received and the trades before allow for."""
    script = WALLETS["savings"].script
    for received in chain.confirmed(script, today.timestamp()):
        transfer = _send(received, sum(value for _, value in received.received(script)))
        if not received.spent(script) and _held(trades, transfer.coin, transfer.at) >= transfer.quantity:
            return transfer
    return None


def _follow(habit: _Habit, market: Market, today: datetime) -> Iterator[Trade]:
    for number in range(habit.times):
        at = today - timedelta(days=habit.ago - number * habit.every) + _TIME_OF_DAY
        price = _price(market, habit.coin, at)
        quantity = habit.quantity if habit.dollars is None else (habit.dollars / price).quantize(_SATOSHI)
        fee = None if habit.kind is Kind.REWARD else (quantity * price * _FEE).quantize(_CENT)
        name = f"{habit.kind.lower()}-{habit.coin}-{number + 1}"
        yield Trade(habit.kind, habit.coin, at, quantity, price, fee, name)


def _price(market: Market, coin: str, at: datetime) -> Decimal:
    quote = market.quote(market.coins[coin], CURRENCIES["usd"], int(at.timestamp()))
    if quote is None:
        raise LookupError(f"{coin} has no price yet")
    return Decimal(quote.price).quantize(_CENT)


def _send(received: Transaction, satoshis: int) -> Trade:
    """The network took its fee on the way."""
    sent = (satoshis + received.fee) * _SATOSHI
    at = datetime.fromtimestamp(received.at, UTC)
    return Trade(Kind.TRANSFER_OUT, "bitcoin", at, sent, None, None, received.txid)


def _held(trades: list[Trade], coin: str, at: datetime) -> Decimal:
    signs = {Kind.BUY: 1, Kind.REWARD: 1, Kind.SELL: -1}
    moved = (signs[trade.kind] * trade.quantity for trade in trades if trade.coin == coin and trade.at < at)
    return sum(moved, Decimal())
