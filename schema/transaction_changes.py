"""Transactions added and deleted by hand, and transfers paired."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import strawberry

from db.transactions import Kind
from resolvers.context import Context
from resolvers.errors import ApiError as Refusal
from resolvers.instants import Instant
from resolvers.transaction_changes import (
    AddResult,
    TransactionOrder,
    resolve_add_transactions,
    resolve_delete_transactions,
)
from resolvers.transaction_drafts import AmountOrder
from resolvers.transfers import TransferView, resolve_link_transfers, resolve_unlink_transfer
from schema.account_changes import ACCOUNT_ID, DeletePayload
from schema.common import ApiError, Info
from schema.enums import TransactionKind
from schema.money import MoneyInput
from schema.transactions import Transaction

_TRANSACTION_ID = "From `Transaction.id`."


@strawberry.input(description="A transaction, of either a coin or money.")
class TransactionInput:
    kind: TransactionKind = strawberry.field(description="What it is.")
    at: Instant = strawberry.field(description="When it happened: not before 2009-01-03, and not later than now.")
    quantity: Decimal = strawberry.field(description="How much, above zero; `kind` says which way it goes.")
    coin: str | None = strawberry.field(default=None, description="Slug of the coin that it is of.")
    currency: str | None = strawberry.field(default=None, description="Code of the money that it is of.")
    unit_price: MoneyInput | None = strawberry.field(
        default=None, description="What one of it cost or brought; left out: unknown."
    )
    fee: MoneyInput | None = strawberry.field(default=None, description="What was paid besides.")
    external_id: str | None = strawberry.field(
        default=None,
        description="An id of your own: one that the account has already is not added again. 1 to 200 characters.",
    )

    def order(self) -> TransactionOrder:
        return TransactionOrder(
            kind=Kind(self.kind.name),
            at=self.at,
            quantity=self.quantity,
            coin=self.coin,
            currency=self.currency,
            unit_price=_amount(self.unit_price),
            fee=_amount(self.fee),
            external_id=self.external_id,
        )


@strawberry.input(description="Transactions for a manual account.")
class AddTransactionsInput:
    account: strawberry.ID = strawberry.field(description=ACCOUNT_ID)
    transactions: list[TransactionInput] = strawberry.field(description="1 to 1,000, in any order.")


@strawberry.type(description="What became of transactions that were to be added.")
class TransactionsPayload:
    transactions: list[Transaction] = strawberry.field(description="Those that were added, in the order given.")
    known: int = strawberry.field(description="How many were left out, for the account has their `externalId` already.")
    errors: list[ApiError] = strawberry.field(
        description="One for each that is wrong, with its place in `field`: then none was added."
    )

    @classmethod
    def from_result(cls, context: Context, result: AddResult) -> TransactionsPayload:
        return cls(
            transactions=[Transaction.from_view(context, view) for view in result.added],
            known=result.known,
            errors=[ApiError.from_error(error) for error in result.errors],
        )


@strawberry.type(description="What became of an internal transfer.")
class TransferPayload:
    outgoing: Transaction | None = strawberry.field(description="The side that takes out; null when it was refused.")
    incoming: Transaction | None = strawberry.field(description="The side that brings in; null when it was refused.")
    errors: list[ApiError] = strawberry.field(description="Why it was refused: then nothing was changed.")

    @classmethod
    def from_result(cls, context: Context, result: TransferView | Refusal) -> TransferPayload:
        if isinstance(result, Refusal):
            return cls(outgoing=None, incoming=None, errors=[ApiError.from_error(result)])
        outgoing, incoming = (Transaction.from_view(context, view) for view in result)
        return cls(outgoing=outgoing, incoming=incoming, errors=[])


def _amount(money: MoneyInput | None) -> AmountOrder | None:
    return AmountOrder(money.amount, money.currency) if money else None


@strawberry.type
class TransactionMutations:
    @strawberry.mutation(
        description="Add transactions to a manual account: all of them, or none when one is wrong. Needs a token with "
        "scope PORTFOLIO_WRITE. Every refusal is among `errors`, with a code."
    )
    async def add_transactions(
        self, info: Info, input: Annotated[AddTransactionsInput, strawberry.argument(description="What to add.")]
    ) -> TransactionsPayload:
        orders = [one.order() for one in input.transactions]
        return TransactionsPayload.from_result(
            info.context, await resolve_add_transactions(info.context, input.account, orders)
        )

    @strawberry.mutation(
        description="Delete transactions of manual accounts: all of these, or none when one cannot be. Needs a token "
        "with scope PORTFOLIO_WRITE."
    )
    async def delete_transactions(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="From `Transaction.id`; at most 1,000.")],
    ) -> DeletePayload:
        result = await resolve_delete_transactions(info.context, ids)
        ids = [strawberry.ID(id_) for id_ in result.ids]
        return DeletePayload(ids=ids, errors=[ApiError.from_error(error) for error in result.errors])

    @strawberry.mutation(
        description="Say that two transactions are one internal transfer: the same asset out of one account and into "
        "another of the portfolio. What is missing in between is the network's fee. Most are found by themselves. "
        "Needs a token with scope PORTFOLIO_WRITE."
    )
    async def link_transfers(
        self,
        info: Info,
        outgoing: Annotated[strawberry.ID, strawberry.argument(description="A WITHDRAWAL or TRANSFER_OUT.")],
        incoming: Annotated[strawberry.ID, strawberry.argument(description="A DEPOSIT or TRANSFER_IN.")],
    ) -> TransferPayload:
        result = await resolve_link_transfers(info.context, outgoing, incoming)
        return TransferPayload.from_result(info.context, result)

    @strawberry.mutation(
        description="Say that two transactions are no internal transfer; they are not paired by themselves again. "
        "Needs a token with scope PORTFOLIO_WRITE."
    )
    async def unlink_transfer(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Of either side.")]
    ) -> TransferPayload:
        return TransferPayload.from_result(info.context, await resolve_unlink_transfer(info.context, id))
