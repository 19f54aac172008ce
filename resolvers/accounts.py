"""Accounts of the caller's portfolios: added, given another key, removed; and how each one is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from db.accounts import (
    AccountKind,
    AccountLabelTaken,
    AccountRow,
    NewAccount,
    add_account,
    lock_portfolio,
    read_accounts,
    remove_account,
    replace_key,
)
from db.coinbase_keys import read_private_key
from db.pool import Connection
from db.syncs import request_sync
from resolvers.addresses import validate_bitcoin_address
from resolvers.changes import change
from resolvers.context import Context
from resolvers.errors import ApiError, Code
from resolvers.ids import decode_id
from resolvers.portfolios import no_portfolio
from resolvers.private import WRITE, PrivateData
from resolvers.secret import Secret
from resolvers.texts import check_name

# An hour and a day: whoever syncs once a day may be late.
STALE_AFTER = timedelta(hours=26)


class AccountStatus(StrEnum):
    OK = "OK"
    SYNCING = "SYNCING"
    STALE = "STALE"
    AUTH_FAILED = "AUTH_FAILED"
    INCOMPLETE = "INCOMPLETE"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class CoinbaseKey:
    """As Coinbase gives it."""

    name: str
    private_key: Secret


@dataclass(frozen=True, slots=True)
class AccountOrder:
    """An account as a client wants it: of Coinbase with a key, of bitcoin with an address, else a manual one."""

    portfolio: str
    label: str
    coinbase: CoinbaseKey | None = None
    bitcoin: str | None = None


def status_of(row: AccountRow, now: datetime) -> AccountStatus:
    if row.syncing:
        return AccountStatus.SYNCING
    if row.status != AccountStatus.OK or row.kind == AccountKind.MANUAL:
        return AccountStatus(row.status)
    fresh = row.last_synced_at is not None and now - row.last_synced_at <= STALE_AFTER
    return AccountStatus.OK if fresh else AccountStatus.STALE


async def resolve_add_account(context: Context, order: AccountOrder) -> AccountRow | ApiError:
    return await change(context, _add(context, order), "input")


async def resolve_replace_key(context: Context, id_: str, key: CoinbaseKey) -> AccountRow | ApiError:
    return await change(context, _replace_key(context, id_, key), "input")


async def resolve_remove_account(context: Context, id_: str) -> str | ApiError:
    """The id of what was removed."""
    return await change(context, _remove(context, id_))


async def find_account(private: PrivateData, id_: str, *field: str) -> AccountRow:
    """NOT_FOUND also for somebody else's."""
    row = await private.accounts.load(decode_id("Account", id_))
    if row is None:
        raise no_account(*field)
    return row


def no_account(*field: str) -> ApiError:
    return ApiError(Code.NOT_FOUND, "you have no such account; `portfolios { accounts }` lists yours", field=field)


async def _add(context: Context, order: AccountOrder) -> AccountRow:
    """The first sync of an account with a source is queued along with it."""
    private = context.private(WRITE)
    new = _make(context, order)
    try:
        async with context.database.transaction() as connection:
            if not await lock_portfolio(connection, private.owner, new.portfolio_id):
                raise no_portfolio("portfolio")
            await _check_new(context, connection, private.owner, new)
            id_ = await add_account(connection, private.owner, new)
            assert id_ is not None
            if new.kind is not AccountKind.MANUAL:
                await _sync(connection, context, private.owner, id_)
            return await _read(connection, private.owner, id_)
    except AccountLabelTaken as error:
        text = f"this portfolio has an account labelled {new.label!r} already; choose another label"
        raise ApiError(Code.CONFLICT, text, field=["label"]) from error


def _make(context: Context, order: AccountOrder) -> NewAccount:
    portfolio, label = decode_id("Portfolio", order.portfolio), check_name(order.label, "label")
    if order.coinbase:
        name, secret = _encrypt(context, order.coinbase, "source", "coinbase")
        return NewAccount(portfolio, AccountKind.COINBASE, label, context.now, key_name=name, secret=secret)
    if order.bitcoin is not None:
        try:
            address = validate_bitcoin_address(order.bitcoin)
        except ValueError as error:
            raise ApiError(Code.BAD_INPUT, str(error), field=["source", "bitcoin", "address"]) from error
        return NewAccount(portfolio, AccountKind.BITCOIN, label, context.now, address=address)
    return NewAccount(portfolio, AccountKind.MANUAL, label, context.now)


async def _check_new(context: Context, connection: Connection, owner: str, new: NewAccount) -> None:
    """What is held in one place must not count twice. The portfolio is locked."""
    known, limit = await read_accounts(connection, owner), context.settings.limits.max_accounts
    if len(known) >= limit:
        raise ApiError(Code.COST_EXCEEDED, f"you have {limit:,} accounts, the most there may be; remove one first")
    source = (new.address, new.key_name)
    for row in known:
        if source != (None, None) and (row.portfolio_id, row.address, row.key_name) == (new.portfolio_id, *source):
            raise ApiError(
                Code.CONFLICT,
                f"the account {row.label!r} of this portfolio is the same one; it would be counted twice",
                field=["source"],
            )


async def _replace_key(context: Context, id_: str, key: CoinbaseKey) -> AccountRow:
    """A sync that uses it is queued at once."""
    private = context.private(WRITE)
    account_id = decode_id("Account", id_)
    name, secret = _encrypt(context, key)
    async with context.database.transaction() as connection:
        if not await replace_key(connection, private.owner, account_id, name, secret):
            raise ApiError(Code.NOT_FOUND, "you have no such Coinbase account", field=["account"])
        await _sync(connection, context, private.owner, account_id)
        return await _read(connection, private.owner, account_id)


def _encrypt(context: Context, key: CoinbaseKey, *field: str) -> tuple[str, bytes]:
    """The key's name, and the key as it is stored."""
    if context.settings.vault is None:
        raise ApiError(
            Code.NOT_CONFIGURED,
            "this server cannot keep keys: set PRICEGRAPH_ENCRYPTION_KEY for it and its workers to what "
            "`pricegraph keys new` prints",
        )
    name = check_name(key.name, *field, "keyName")
    try:
        read_private_key(key.private_key.text)
    except ValueError as error:
        raise ApiError(Code.BAD_INPUT, str(error), field=[*field, "privateKey"]) from None
    return name, context.settings.vault.encrypt(key.private_key.text)


async def _remove(context: Context, id_: str) -> str:
    owner = context.private(WRITE).owner
    async with context.database.transaction() as connection:
        if not await remove_account(connection, owner, decode_id("Account", id_)):
            raise no_account("id")
    return id_


async def _sync(connection: Connection, context: Context, owner: str, account_id: int) -> None:
    await request_sync(connection, [account_id], context.require(WRITE).name, context.now, owner=owner)


async def _read(connection: Connection, owner: str, account_id: int) -> AccountRow:
    [row] = await read_accounts(connection, owner, ids=[account_id])
    return row
