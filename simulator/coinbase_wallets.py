"""A user's wallets and fills as Advanced Trade writes them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from simulator.coinbase_ledger import Fill, Ledger
from simulator.coinbase_users import OPENED, User
from simulator.errors import iso_ms
from simulator.noise import uuid_of

_MONEY = frozenset({"USD", "EUR", "GBP"})
_SATOSHI = Decimal("0.00000001")
_HELD_BACK = Decimal("0.25")  # of every fourth wallet, by open orders
_HELD_BACK_EVERY, _BLANK_EVERY = 4, 7


def portfolio_uuid(user: User) -> str:
    return uuid_of("portfolio", user.name)


def wallets(ledger: Ledger, now: float) -> list[dict[str, Any]]:
    """In an order that never changes: those for trading, the empty ones, the vaults."""
    user, balances = ledger.user, ledger.balances(now)
    if now < OPENED:
        return []
    found = [
        _wallet(user, number, code, balances.get(code, Decimal()) - user.vault.get(code, Decimal()), now)
        for number, code in enumerate(_codes(user))
    ]
    return found + [_vault(user, code, quantity, now) for code, quantity in user.vault.items()]


def _codes(user: User) -> list[str]:
    traded = (code for product in user.products for code in product.split("-"))
    return list(dict.fromkeys([*user.monthly, *traded, *user.opening, *user.empty]))


def _wallet(user: User, number: int, code: str, total: Decimal, now: float) -> dict[str, Any]:
    """Some empty ones have no figure at all."""
    kind = "ACCOUNT_TYPE_FIAT" if code in _MONEY else "ACCOUNT_TYPE_CRYPTO"
    held = (total * _HELD_BACK).quantize(_SATOSHI) if number % _HELD_BACK_EVERY == 2 else Decimal()
    available = "" if not total and number % _BLANK_EVERY == 0 else _text(total - held)
    return _account(user, kind, code, f"{code} Wallet", available, _text(held), now)


def _vault(user: User, code: str, quantity: Decimal, now: float) -> dict[str, Any]:
    return _account(user, "ACCOUNT_TYPE_VAULT", code, f"{code} Vault", _text(quantity), "0", now)


def _account(user: User, kind: str, code: str, name: str, available: str, held: str, now: float) -> dict[str, Any]:
    return {
        "uuid": uuid_of("wallet", user.name, name),
        "name": name,
        "currency": code,
        "available_balance": {"value": available, "currency": code},
        "default": kind != "ACCOUNT_TYPE_VAULT",
        "active": True,
        "created_at": iso_ms(OPENED, "Z"),
        "updated_at": iso_ms(now // 3600 * 3600, "Z"),
        "deleted_at": None,
        "type": kind,
        "ready": True,
        "hold": {"value": held, "currency": code},
        "retail_portfolio_id": portfolio_uuid(user),
        "platform": "ACCOUNT_PLATFORM_CONSUMER",
    }


def fill_row(user: User, fill: Fill) -> dict[str, Any]:
    """An order that named what to spend is told in the quote currency."""
    told = datetime.fromtimestamp(fill.at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return {
        "entry_id": uuid_of("entry", user.name, fill.number).replace("-", "") * 2,
        "trade_id": trade_id(user, fill),
        "order_id": order_id(user, fill),
        "trade_time": f"{told}Z",
        "trade_type": "FILL",
        "price": _text(fill.price),
        "size": _text(fill.value if fill.in_quote else fill.size),
        "commission": _text(fill.commission),
        "product_id": fill.product,
        "sequence_timestamp": f"{told}Z",
        "liquidity_indicator": "TAKER" if fill.number % 3 else "MAKER",
        "size_in_quote": fill.in_quote,
        "user_id": uuid_of("user", user.name),
        "side": fill.side,
        "retail_portfolio_id": portfolio_uuid(user),
    }


def trade_id(user: User, fill: Fill) -> str:
    return uuid_of("trade", user.name, fill.number)


def order_id(user: User, fill: Fill) -> str:
    return uuid_of("order", user.name, fill.order)


def _text(number: Decimal) -> str:
    """Without an exponent, and without zeros at the end."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
