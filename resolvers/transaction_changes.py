"""Transactions by hand: added and deleted, all that a request names or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from db.accounts import AccountKind, read_accounts
from db.coins import CoinRow
from db.currencies import CurrencyRow
from db.transactions import Kind, add_transactions, delete_transactions, read_transactions
from db.transfers import match_transfers
from resolvers.coins import check_batch, resolve_coins_by_slug
from resolvers.context import Context, Outcome
from resolvers.errors import ApiError, Code
from resolvers.ids import decode_id
from resolvers.instants import Instant
from resolvers.private import WRITE
from resolvers.quotes import find_currency
from resolvers.transaction_drafts import (
    AmountOrder,
    Draft,
    Wording,
    error_at,
    is_synced,
    make_draft,
    open_account,
    with_assets,
)
from resolvers.transactions import TransactionView, no_transaction, view_transactions


@dataclass(frozen=True, slots=True)
class TransactionOrder:
    """A transaction as a client writes it, of a coin by its slug or of money by its currency's code."""

    kind: Kind
    at: Instant
    quantity: Decimal
    coin: str | None = None
    currency: str | None = None
    unit_price: AmountOrder | None = None
    fee: AmountOrder | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class AddResult:
    """What was added, in order; `known` counts those whose external id was there already."""

    added: Sequence[TransactionView] = ()
    known: int = 0
    errors: Sequence[ApiError] = ()


@dataclass(frozen=True, slots=True)
class DeleteResult:
    ids: Sequence[str] = ()
    errors: Sequence[ApiError] = ()


class _Refused(Exception):
    """Nothing is changed; one error for each transaction at fault."""

    def __init__(self, errors: Sequence[ApiError]) -> None:
        super().__init__()
        self.errors = errors


async def resolve_add_transactions(context: Context, account: str, orders: Sequence[TransactionOrder]) -> AddResult:
    context.forget_private()
    try:
        result = await _add(context, account, orders)
    except ApiError as error:
        error.field = ["input", *error.field] if error.field else None
        result = AddResult(errors=[error])
    except _Refused as refused:
        result = AddResult(errors=refused.errors)
    _finish(context, result.errors)
    return result


async def resolve_delete_transactions(context: Context, ids: Sequence[str]) -> DeleteResult:
    context.forget_private()
    try:
        await _delete(context, ids)
        result = DeleteResult(ids)
    except ApiError as error:
        result = DeleteResult(errors=[error])
    except _Refused as refused:
        result = DeleteResult(errors=refused.errors)
    _finish(context, result.errors)
    return result


def _finish(context: Context, errors: Sequence[ApiError]) -> None:
    context.forget_private()
    context.outcomes.append(Outcome(None, errors[0]) if errors else Outcome(0, None))


async def _add(context: Context, account: str, orders: Sequence[TransactionOrder]) -> AddResult:
    private = context.private(WRITE)
    account_id = decode_id("Account", account)
    check_batch(context, orders, "transactions")
    if not orders:
        raise ApiError(Code.BAD_INPUT, "`transactions` is empty", field=["transactions"])
    drafts = await _draft(context, orders)
    async with context.database.transaction() as connection:
        portfolio_id = await open_account(connection, private.owner, account_id)
        ids = await add_transactions(connection, account_id, await with_assets(connection, drafts), context.now)
        await match_transfers(connection, portfolio_id)
        rows = await read_transactions(connection, private.owner, [id_ for id_ in ids if id_ is not None])
    added = [rows[id_] for id_ in ids if id_ is not None]
    context.forget_private()
    return AddResult(await view_transactions(context.private(WRITE), added), len(ids) - len(added))


async def _draft(context: Context, orders: Sequence[TransactionOrder]) -> list[Draft]:
    slugs = list(dict.fromkeys(order.coin for order in orders if order.coin is not None))
    coins = dict(zip(slugs, await resolve_coins_by_slug(context, slugs, "coin"), strict=True))
    known = await context.known_currencies()
    drafts: list[Draft] = []
    errors: list[ApiError] = []
    for place, order in enumerate(orders):
        try:
            drafts.append(_draft_one(context, order, coins, known))
        except ApiError as error:
            errors.append(error_at(error, "input", "transactions", str(place)))
    if errors:
        raise _Refused(errors)
    return drafts


def _draft_one(
    context: Context, order: TransactionOrder, coins: dict[str, CoinRow | ApiError], known: Sequence[CurrencyRow]
) -> Draft:
    coin = coins[order.coin] if order.coin is not None else None
    if isinstance(coin, ApiError):
        raise coin
    currency = find_currency(order.currency, known) if order.currency is not None else None
    at = order.at.resolve(context.now)
    wording = Wording(order.kind, at, order.quantity, order.unit_price, order.fee, order.external_id)
    return make_draft(wording, coin, currency, known, context.now)


async def _delete(context: Context, ids: Sequence[str]) -> None:
    owner = context.private(WRITE).owner
    check_batch(context, ids, "ids")
    keys = [decode_id("Transaction", id_) for id_ in ids]
    async with context.database.transaction() as connection:
        rows = await read_transactions(connection, owner, keys)
        held = {
            row.id: row for row in await read_accounts(connection, owner, ids=[r.account_id for r in rows.values()])
        }
        errors: list[ApiError] = []
        for place, key in enumerate(keys):
            account = held.get(rows[key].account_id) if key in rows else None
            if account is None:
                errors.append(no_transaction("ids", str(place)))
            elif account.kind != AccountKind.MANUAL:
                errors.append(ApiError(Code.BAD_INPUT, is_synced(account), field=["ids", str(place)]))
        if errors:
            raise _Refused(errors)
        await delete_transactions(connection, owner, keys)
        for portfolio_id in {account.portfolio_id for account in held.values()}:
            await match_transfers(connection, portfolio_id)
