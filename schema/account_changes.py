"""Accounts added, given another key, removed, and synced."""

from __future__ import annotations

from typing import Annotated

import strawberry

from db.accounts import AccountRow
from resolvers.accounts import (
    AccountOrder,
    CoinbaseKey,
    resolve_add_account,
    resolve_remove_account,
    resolve_replace_key,
)
from resolvers.context import Context
from resolvers.errors import ApiError as Refusal
from resolvers.errors import Code
from resolvers.private import WRITE
from resolvers.secret import Secret
from resolvers.syncs import SyncResult, resolve_sync_accounts
from schema.accounts import Account, SyncRun, make_account, make_syncs
from schema.common import ApiError, Info

ACCOUNT_ID = "From `Account.id`."
_KEY_NAME = "As Coinbase gives it: `organizations/…/apiKeys/…`."
_PRIVATE_KEY = (
    "The key's private part: PEM for ECDSA, base64 for Ed25519. A key that may only view is enough, and another one is "
    "refused."
)


@strawberry.input(description="An API key of Coinbase (CDP).")
class CoinbaseSource:
    key_name: str = strawberry.field(description=_KEY_NAME)
    private_key: Secret = strawberry.field(description=_PRIVATE_KEY)


@strawberry.input(description="A bitcoin address.")
class BitcoinSource:
    address: str = strawberry.field(description="Of the main network, of any kind.")


@strawberry.input(one_of=True, description="Where the transactions of an account come from.")
class AccountSource:
    manual: bool | None = strawberry.field(
        default=strawberry.UNSET, description="`true`: from you, by `addTransactions` or an import."
    )
    coinbase: CoinbaseSource | None = strawberry.field(default=strawberry.UNSET, description="From Coinbase.")
    bitcoin: BitcoinSource | None = strawberry.field(default=strawberry.UNSET, description="From the block chain.")


@strawberry.input(description="An account to add.")
class AddAccountInput:
    portfolio: strawberry.ID = strawberry.field(description="From `Portfolio.id`.")
    label: str = strawberry.field(description="What to call it; unique in the portfolio, at most 200 characters.")
    source: AccountSource = strawberry.field(description="Where its transactions come from.")

    def order(self) -> AccountOrder:
        if self.source.coinbase:
            key = CoinbaseKey(self.source.coinbase.key_name, self.source.coinbase.private_key)
            return AccountOrder(self.portfolio, self.label, coinbase=key)
        if self.source.bitcoin:
            return AccountOrder(self.portfolio, self.label, bitcoin=self.source.bitcoin.address)
        return AccountOrder(self.portfolio, self.label)


@strawberry.input(description="Another key for a Coinbase account.")
class ReplaceKeyInput:
    account: strawberry.ID = strawberry.field(description=ACCOUNT_ID)
    key_name: str = strawberry.field(description=_KEY_NAME)
    private_key: Secret = strawberry.field(description=_PRIVATE_KEY)


@strawberry.type(description="What became of a change of an account.")
class AccountPayload:
    account: Account | None = strawberry.field(description="The account as it is now; null when it was refused.")
    errors: list[ApiError] = strawberry.field(description="Why it was refused: then nothing was changed.")

    @classmethod
    def from_result(cls, context: Context, result: AccountRow | Refusal) -> AccountPayload:
        if isinstance(result, Refusal):
            return cls(account=None, errors=[ApiError.from_error(result)])
        return cls(account=make_account(context, result), errors=[])


@strawberry.type(description="What was deleted.")
class DeletePayload:
    ids: list[strawberry.ID] = strawberry.field(description="Of what is gone; empty when it was refused.")
    errors: list[ApiError] = strawberry.field(description="Why it was refused: then nothing was deleted.")

    @classmethod
    def from_result(cls, result: str | Refusal) -> DeletePayload:
        if isinstance(result, Refusal):
            return cls(ids=[], errors=[ApiError.from_error(result)])
        return cls(ids=[strawberry.ID(result)], errors=[])


@strawberry.type(description="What became of the accounts that were to be synced.")
class SyncPayload:
    runs: list[SyncRun] = strawberry.field(
        description="One for each account, in order; where a sync was open already it is that one."
    )
    errors: list[ApiError] = strawberry.field(
        description="One for each account that is not there or has no source; or why all was refused."
    )

    @classmethod
    async def from_result(cls, context: Context, result: SyncResult) -> SyncPayload:
        runs = await make_syncs(context, list(result.runs), WRITE) if result.runs else []
        return cls(runs=runs, errors=[ApiError.from_error(error) for error in result.errors])


@strawberry.type
class AccountMutations:
    @strawberry.mutation(
        description="Add an account to a portfolio. The first sync of one that has a source is queued at once. Needs a "
        "token with scope PORTFOLIO_WRITE. Every refusal is among `errors`, with a code."
    )
    async def add_account(
        self, info: Info, input: Annotated[AddAccountInput, strawberry.argument(description="What to add.")]
    ) -> AccountPayload:
        if input.source.manual is False:
            text = "`manual` is true, or left out"
            refused = Refusal(Code.BAD_INPUT, text, field=["input", "source", "manual"])
            return AccountPayload.from_result(info.context, refused)
        return AccountPayload.from_result(info.context, await resolve_add_account(info.context, input.order()))

    @strawberry.mutation(
        description="Give a Coinbase account another key, and sync it at once. The old key is forgotten. Needs a token "
        "with scope PORTFOLIO_WRITE."
    )
    async def replace_coinbase_key(
        self, info: Info, input: Annotated[ReplaceKeyInput, strawberry.argument(description="Which key, and where.")]
    ) -> AccountPayload:
        key = CoinbaseKey(input.key_name, input.private_key)
        return AccountPayload.from_result(info.context, await resolve_replace_key(info.context, input.account, key))

    @strawberry.mutation(
        description="Remove an account with its transactions, its key, and what its source has reported: past "
        "valuations change. Needs a token with scope PORTFOLIO_WRITE."
    )
    async def remove_account(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description=ACCOUNT_ID)]
    ) -> DeletePayload:
        return DeletePayload.from_result(await resolve_remove_account(info.context, id))

    @strawberry.mutation(
        description="Ask the sources of accounts for what is new. Records and queues a sync each and answers at once, "
        "or after `waitSeconds`; the workers do the rest. Needs a token with scope PORTFOLIO_WRITE."
    )
    async def sync_accounts(
        self,
        info: Info,
        ids: Annotated[
            list[strawberry.ID] | None,
            strawberry.argument(description="At most 1,000; left out: all of yours that have a source."),
        ] = None,
        wait_seconds: Annotated[
            int,
            strawberry.argument(
                description="Hold the answer until the syncs end or these seconds are over; 0 to 60. All waits of one "
                "request share 60 seconds."
            ),
        ] = 0,
    ) -> SyncPayload:
        return await SyncPayload.from_result(info.context, await resolve_sync_accounts(info.context, ids, wait_seconds))
