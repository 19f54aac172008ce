"""Coinbase's answers as they come, and what they say.

The form is that of the Advanced Trade reference, "List Accounts", "List Fills" and "Get API Key Permissions"; amounts
are decimal texts there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

import msgspec

from ingest.accounts.amounts import divided, plus, read_amount, times


class WireAmount(msgspec.Struct):
    value: str
    currency: str


class WireAccount(msgspec.Struct):
    """A wallet in one currency. There is no total: what is on hold for open orders is not in the available balance."""

    uuid: str
    currency: str
    available_balance: WireAmount
    hold: WireAmount


class AccountsAnswer(msgspec.Struct):
    accounts: list[WireAccount]
    has_next: bool
    cursor: str = ""


class WireFill(msgspec.Struct):
    """`size` counts the quote currency when `size_in_quote` says so, as of orders that an amount of it was given to.

    The commission is in the quote currency.
    """

    trade_id: str
    trade_time: datetime
    trade_type: str
    price: str
    size: str
    commission: str
    product_id: str
    size_in_quote: bool
    side: str


class FillsAnswer(msgspec.Struct):
    """Without a `has_next`: an empty cursor ends it."""

    fills: list[WireFill]
    cursor: str = ""


class Permissions(msgspec.Struct):
    can_view: bool
    can_trade: bool
    can_transfer: bool


@dataclass(frozen=True, slots=True)
class CoinbaseBalance:
    """All of one wallet. Several wallets may have the same code, such as a vault beside the ordinary one: add them up.

    `code` is Coinbase's own for a coin or a currency, such as BTC or EUR.
    """

    wallet_id: str
    code: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class CoinbaseFill:
    """A trade: `quantity` of `base` against `cost` of `quote`, and a `commission` in `quote` on top of the cost.

    A buyer pays cost + commission, a seller gets cost - commission. `quantity` or `cost`, the one that Coinbase does
    not say, is worked out from the price, to 18 decimals.
    """

    trade_id: str
    at: datetime
    side: Literal["BUY", "SELL"]
    base: str
    quote: str
    quantity: Decimal
    price: Decimal
    cost: Decimal
    commission: Decimal


def total_by_code(balances: Iterable[CoinbaseBalance]) -> dict[str, Decimal]:
    """Raises ValueError for a sum that is too large to store."""
    totals: dict[str, Decimal] = {}
    for balance in balances:
        totals[balance.code] = plus(totals.get(balance.code, Decimal()), balance.quantity)
    return totals


def to_balance(account: WireAccount) -> CoinbaseBalance:
    """Raises ValueError when the balance is not certain: one that is half right makes the whole report wrong."""
    available, held = account.available_balance, account.hold
    if not account.currency == available.currency == held.currency:
        raise ValueError(f"a wallet of {account.currency} holds another currency")
    return CoinbaseBalance(account.uuid, account.currency, plus(read_amount(available.value), read_amount(held.value)))


def to_fill(fill: WireFill) -> CoinbaseFill:
    """Raises ValueError, in words, for what is no plain trade of two assets or has amounts that make none."""
    base, dash, quote = fill.product_id.partition("-")
    if not base or not quote or "-" in quote or not dash:
        raise ValueError(f"{fill.product_id} is no pair of two assets")
    if fill.trade_type != "FILL":
        # Documented as adjustments, without a word on which way they go.
        raise ValueError(f"it is a {fill.trade_type.lower()}, not a trade")
    if fill.side not in ("BUY", "SELL"):
        raise ValueError("it says neither BUY nor SELL")
    if fill.trade_time.tzinfo is None:
        raise ValueError("its time has no zone")
    price, size, commission = (read_amount(text) for text in (fill.price, fill.size, fill.commission))
    if price <= 0 or size <= 0 or commission < 0:
        raise ValueError("price and size must be above zero, and the commission not below")
    quantity, cost = (divided(size, price), size) if fill.size_in_quote else (size, times(size, price))
    if quantity == 0 or cost == 0:
        raise ValueError("it is too small to count")
    side: Literal["BUY", "SELL"] = "BUY" if fill.side == "BUY" else "SELL"
    at = fill.trade_time.astimezone(UTC)
    return CoinbaseFill(fill.trade_id, at, side, base, quote, quantity, price, cost, commission)
