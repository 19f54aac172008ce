"""Transactions as people write them, checked: by mutation or by file, the same holds for both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from db.accounts import AccountKind, AccountRow, keep_account, read_accounts
from db.assets import assets_of_coins, assets_of_currencies
from db.coins import CoinRow
from db.currencies import CurrencyRow
from db.pool import Connection
from db.transactions import Kind, NewTransaction
from resolvers.accounts import no_account
from resolvers.decimals import DECIMALS, WHOLE_DIGITS, fits
from resolvers.errors import ApiError, Code
from resolvers.quotes import find_currency
from resolvers.ranges import FIRST_BLOCK
from resolvers.texts import check_name


@dataclass(frozen=True, slots=True)
class AmountOrder:
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Wording:
    """All of a transaction but what it is of."""

    kind: Kind
    at: datetime
    quantity: Decimal
    unit_price: AmountOrder | None = None
    fee: AmountOrder | None = None
    external_id: str | None = None


class Draft(NamedTuple):
    """All of a transaction but for its asset, which may have to be made."""

    coin_id: int | None
    currency_id: int | None
    new: NewTransaction


def make_draft(
    wording: Wording,
    coin: CoinRow | None,
    currency: CurrencyRow | None,
    known: Sequence[CurrencyRow],
    now: datetime,
) -> Draft:
    """Of either a coin or money. Raises ApiError, with the field at fault."""
    if (coin is None) == (currency is None):
        raise ApiError(Code.BAD_INPUT, "a transaction is of a `coin` or of a `currency`: name one of them")
    if wording.quantity <= 0:
        raise ApiError(Code.BAD_INPUT, "`quantity` must be above zero; `kind` says which way", field=["quantity"])
    _check_digits(wording.quantity, "quantity")
    price, price_currency = _amount(wording.unit_price, known, "unitPrice")
    fee, fee_currency = _amount(wording.fee, known, "fee")
    external_id = check_name(wording.external_id, "externalId") if wording.external_id is not None else None
    if not FIRST_BLOCK <= wording.at <= now:
        raise ApiError(Code.BAD_INPUT, "`at` must be between 2009-01-03 and now", field=["at"])
    new = NewTransaction(
        0, wording.kind, wording.at, wording.quantity, price, price_currency, fee, fee_currency, external_id
    )
    return Draft(coin.id if coin else None, currency.id if currency else None, new)


def error_at(error: ApiError, *argument: str) -> ApiError:
    """The error of one item; several items may share what is wrong."""
    return ApiError(error.code, error.message, field=[*argument, *(error.field or ())])


async def open_account(connection: Connection, owner: str, account_id: int) -> int:
    """The portfolio of a manual account, which stays until the transaction ends."""
    if not await keep_account(connection, owner, account_id):
        raise no_account("account")
    [row] = await read_accounts(connection, owner, ids=[account_id])
    if row.kind != AccountKind.MANUAL:
        raise ApiError(Code.BAD_INPUT, is_synced(row), field=["account"])
    return row.portfolio_id


def is_synced(account: AccountRow) -> str:
    """Why its transactions are not changed."""
    return f"the transactions of {account.label!r} come from its source; only those of manual accounts are changed"


async def with_assets(connection: Connection, drafts: Sequence[Draft]) -> list[NewTransaction]:
    coins = await assets_of_coins(connection, [one.coin_id for one in drafts if one.coin_id is not None])
    moneys = await assets_of_currencies(connection, [one.currency_id for one in drafts if one.currency_id is not None])
    assets: dict[tuple[int | None, int | None], int] = {(id_, None): asset for id_, asset in coins.items()}
    assets |= {(None, id_): asset for id_, asset in moneys.items()}
    return [one.new._replace(asset_id=assets[one.coin_id, one.currency_id]) for one in drafts]


def _amount(
    order: AmountOrder | None, known: Sequence[CurrencyRow], name: str
) -> tuple[Decimal, int] | tuple[None, None]:
    if order is None:
        return None, None
    if order.amount < 0:
        raise ApiError(Code.BAD_INPUT, f"`{name}` must not be below zero", field=[name, "amount"])
    _check_digits(order.amount, name, "amount")
    return order.amount, _find_currency(order.currency, known, name).id


def _find_currency(code: str, known: Sequence[CurrencyRow], name: str) -> CurrencyRow:
    try:
        return find_currency(code, known)
    except ApiError as error:
        raise error_at(error, name) from error


def _check_digits(value: Decimal, *field: str) -> None:
    if not fits(value):
        text = f"`{field[0]}` has more than {WHOLE_DIGITS} digits before the point or {DECIMALS} after it"
        raise ApiError(Code.BAD_INPUT, text, field=field)
