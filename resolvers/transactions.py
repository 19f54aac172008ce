"""Pages of transactions, and what stands in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from db.accounts import AccountRow
from db.assets import AssetRow
from db.currencies import CurrencyRow
from db.transactions import Place, TransactionFilter, TransactionRow
from resolvers.accounts import find_account, no_account
from resolvers.context import Context
from resolvers.errors import ApiError, Code
from resolvers.paging import Key, Page, check_page_size, decode_cursor, make_page
from resolvers.private import PrivateData, TransactionKey

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# A cursor that somebody made up may hold any number.
_MOST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LEAST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND


class Amount(NamedTuple):
    amount: Decimal
    currency: CurrencyRow


class TransactionView(NamedTuple):
    row: TransactionRow
    asset: AssetRow
    account: AccountRow
    unit_price: Amount | None
    fee: Amount | None


async def make_transaction_key(
    context: Context,
    portfolio_id: int,
    account: str | None,
    coin: str | None,
    kinds: Iterable[str] | None,
    first: int,
    after: str | None,
) -> TransactionKey:
    """NOT_FOUND for an account that is in another portfolio, or somebody else's."""
    check_page_size(first)
    cursor = decode_cursor(after, "transactions", int, int)
    account_id = None
    if account is not None:
        found = await find_account(context.private(), account, "account")
        if found.portfolio_id != portfolio_id:
            raise no_account("account")
        account_id = found.id
    coin_id = (await context.coin_by_slug.load(coin)).id if coin is not None else None
    where = TransactionFilter(account_id, coin_id, None if kinds is None else tuple(sorted(kinds)))
    return TransactionKey(portfolio_id, where, first + 1, _place(cursor) if cursor else None)


async def resolve_transaction_page(
    context: Context, key: TransactionKey, first: int, after: str | None
) -> Page[TransactionView]:
    """The newest first, loaded together with those of other portfolios that are asked for alongside."""
    private = context.private()
    context.charge(first)
    rows = await private.transactions_of.load(key)
    return make_page(await view_transactions(private, rows), first, after, _key)


async def resolve_transactions(context: Context, ids: Sequence[int | None]) -> list[TransactionView | None]:
    """In order; None where there is none, or only somebody else's."""
    private = context.private()
    rows = await private.transactions.load_many([id_ for id_ in ids if id_ is not None])
    views = await view_transactions(private, [row for row in rows if row])
    found = {view.row.id: view for view in views}
    return [found.get(id_) if id_ is not None else None for id_ in ids]


async def view_transactions(private: PrivateData, rows: Sequence[TransactionRow]) -> list[TransactionView]:
    """With all that stands in them; in order. Those whose account was just removed are left out."""
    assets = await private.assets.load_many([row.asset_id for row in rows])
    accounts = await private.accounts.load_many([row.account_id for row in rows])
    ids = {id_ for row in rows for id_ in (row.unit_price_currency_id, row.fee_currency_id) if id_ is not None}
    currencies = dict(zip(ids, await private.currencies.load_many(list(ids)), strict=True))
    return [
        TransactionView(
            row,
            asset,
            account,
            _amount(row.unit_price, row.unit_price_currency_id, currencies),
            _amount(row.fee, row.fee_currency_id, currencies),
        )
        for row, asset, account in zip(rows, assets, accounts, strict=True)
        if account
    ]


def no_transaction(*field: str) -> ApiError:
    """Also for somebody else's."""
    return ApiError(
        Code.NOT_FOUND, "you have no such transaction; `portfolios { transactions }` lists yours", field=field
    )


def _amount(amount: Decimal | None, currency_id: int | None, currencies: dict[int, CurrencyRow]) -> Amount | None:
    return None if amount is None or currency_id is None else Amount(amount, currencies[currency_id])


def _key(view: TransactionView) -> Key:
    return ["transactions", (view.row.at - _EPOCH) // _MICROSECOND, view.row.id]


def _place(key: Key) -> Place:
    microseconds, id_ = map(int, key)
    return Place(_EPOCH + min(max(microseconds, _LEAST), _MOST) * _MICROSECOND, id_)
