"""Accounts: what is held where, how well it is known, and the syncs that ask the source."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import strawberry

from db.accounts import AccountKind, AccountRow
from db.accounts import UnknownAsset as StoredUnknown
from db.assets import AssetRow
from db.reconciliation import ReconciliationRow
from db.syncs import SyncRow
from resolvers import errors
from resolvers.accounts import status_of
from resolvers.context import Context
from resolvers.ids import encode_id
from resolvers.syncs import exit_code_of, resolve_syncs
from schema.coins import Coin
from schema.common import ApiError, Info, Node, count_fields
from schema.currencies import Currency
from schema.enums import RunStatus, SyncStatus

COIN = "What it is of; null when it is of money."
CURRENCY = "The money that it is of, as cash at an exchange is; null when it is of a coin."


@strawberry.type(description="Balance that follows from the transactions, against the one that the source reports.")
class Reconciliation:
    coin: Coin | None = strawberry.field(description=COIN)
    currency: Currency | None = strawberry.field(description=CURRENCY)
    derived: Decimal = strawberry.field(description="The sum of the transactions up to the report.")
    reported: Decimal = strawberry.field(description="What the source says is there. From then on this is what counts.")
    difference: Decimal = strawberry.field(
        description="`reported` - `derived`: what the transactions do not explain; 0 when they explain all of it."
    )
    checked_at: datetime = strawberry.field(description="When the source last said so.")

    @classmethod
    def from_row(cls, row: ReconciliationRow, asset: AssetRow, account: AccountRow) -> Reconciliation:
        return cls(
            coin=Coin.from_row(asset.coin) if asset.coin else None,
            currency=Currency.from_row(asset.currency) if asset.currency else None,
            derived=row.derived,
            reported=row.reported,
            difference=row.difference,
            checked_at=account.last_synced_at or row.reported_at,
        )


@strawberry.interface(description="A place where something is held: an exchange, an address, or a list kept by hand.")
class Account(Node):
    row: strawberry.Private[AccountRow]
    label: str = strawberry.field(description="What its owner calls it; unique in the portfolio.")
    status: SyncStatus = strawberry.field(description="How it is, in one word.")
    problem: str | None = strawberry.field(description="What is wrong and what to do; null when nothing is.")
    last_synced_at: datetime | None = strawberry.field(
        description="When a sync last brought everything; null before the first one, and for a manual account."
    )
    created_at: datetime = strawberry.field(description="When it was added.")

    @strawberry.field(description="What the source has reported, asset by asset; empty for a manual account.")
    async def reconciliation(self, info: Info) -> list[Reconciliation]:
        private = info.context.private()
        rows = await private.reconciliations.load(self.row.id)
        info.context.charge_values(len(rows) * count_fields(info))
        assets = await private.assets.load_many([row.asset_id for row in rows])
        return [Reconciliation.from_row(row, asset, self.row) for row, asset in zip(rows, assets, strict=True)]

    @strawberry.field(description="Its syncs, the newest first.")
    async def syncs(
        self, info: Info, first: Annotated[int, strawberry.argument(description="At most so many; 1 to 1000.")] = 10
    ) -> list[SyncRun]:
        runs = await resolve_syncs(info.context, self.row.id, first)
        info.context.charge_values(len(runs) * count_fields(info))
        return [SyncRun.from_row(run, self) for run in runs]


@strawberry.type(description="An account whose transactions are entered by hand, or imported.")
class ManualAccount(Account):
    pass


@strawberry.type(description="Something that a source reports and no coin is known for. It is not valued.")
class UnknownAsset:
    code: str = strawberry.field(description="The source's name for it.")
    quantity: Decimal = strawberry.field(description="How much the source reports.")
    seen_at: datetime = strawberry.field(description="When it last did.")

    @classmethod
    def from_stored(cls, stored: StoredUnknown) -> UnknownAsset:
        return cls(code=stored.code, quantity=stored.quantity, seen_at=stored.seen_at)


@strawberry.type(description="An account at Coinbase, read with an API key.")
class CoinbaseAccount(Account):
    key_name: str = strawberry.field(description="Which key reads it. The key itself is never answered.")

    @strawberry.field(description="What is held there and cannot be valued; while there is any, no total is complete.")
    async def unknown_assets(self, info: Info) -> list[UnknownAsset]:
        found = await info.context.private().unknown_assets.load(self.row.id)
        info.context.charge_values(len(found) * count_fields(info))
        return [UnknownAsset.from_stored(one) for one in found]


@strawberry.type(description="A bitcoin address.")
class BitcoinAccount(Account):
    address: str = strawberry.field(description="On the main network; segwit addresses in lower case.")


# Nothing refers to these by name, so the schema has to be told of them.
ACCOUNT_TYPES = (ManualAccount, CoinbaseAccount, BitcoinAccount)


@strawberry.type(description="One recorded question to the source of an account; it goes on where it was interrupted.")
class SyncRun(Node):
    account: Account = strawberry.field(description="Whose source is asked.")
    status: RunStatus = strawberry.field(description="How far it is; a sync is one task.")
    created_at: datetime = strawberry.field(description="When it was asked for.")
    started_at: datetime | None = strawberry.field(description="When a worker first took it up.")
    finished_at: datetime | None = strawberry.field(description="When it ended.")
    resumes_at: datetime | None = strawberry.field(description="When a rate-limited sync goes on by itself.")
    requests: int = strawberry.field(description="Requests sent to the source, retries included.")
    transactions_new: int = strawberry.field(description="Transactions that were not known before.")
    error: ApiError | None = strawberry.field(description="Why it failed, or waits.")
    exit_code: int | None = strawberry.field(
        description="0 all is read, 1 part of it, 2 failed, 75 try later; null while it goes on."
    )

    @classmethod
    def from_row(cls, row: SyncRow, account: Account) -> SyncRun:
        return cls(
            id=strawberry.ID(encode_id("SyncRun", row.id)),
            account=account,
            status=RunStatus(row.status),
            created_at=row.created_at,
            started_at=row.started_at,
            finished_at=row.finished_at,
            resumes_at=row.resumes_at,
            requests=row.requests,
            transactions_new=row.transactions_new,
            error=_error(row),
            exit_code=exit_code_of(row),
        )


def make_account(context: Context, row: AccountRow) -> Account:
    common: dict[str, Any] = {
        "row": row,
        "id": strawberry.ID(encode_id("Account", row.id)),
        "label": row.label,
        "status": SyncStatus(status_of(row, context.now).value),
        "problem": row.problem,
        "last_synced_at": row.last_synced_at,
        "created_at": row.created_at,
    }
    match AccountKind(row.kind):
        case AccountKind.COINBASE:
            return CoinbaseAccount(key_name=row.key_name or "", **common)
        case AccountKind.BITCOIN:
            return BitcoinAccount(address=row.address or "", **common)
        case AccountKind.MANUAL:
            return ManualAccount(**common)


async def make_syncs(context: Context, rows: list[SyncRow], scope: str) -> list[SyncRun]:
    """With their accounts; those whose account was just removed are left out."""
    accounts = await context.private(scope).accounts.load_many([row.account_id for row in rows])
    pairs = zip(rows, accounts, strict=True)
    return [SyncRun.from_row(row, make_account(context, account)) for row, account in pairs if account]


def _error(row: SyncRow) -> ApiError | None:
    if row.error_code is None:
        return None
    code = errors.Code(row.error_code)
    return ApiError.from_error(errors.ApiError(code, row.error_message or "", retry_at=row.resumes_at))
