"""Transactions from files: what becomes of each row."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated

import strawberry
from strawberry import enum_value as value

from db.coins import CoinRow
from db.currencies import CurrencyRow
from resolvers.errors import ApiError as Refusal
from resolvers.paging import check_page_size
from resolvers.transaction_drafts import Draft
from resolvers.transaction_import import ImportedRow, ImportResult, RowOutcome, resolve_import
from schema.accounts import COIN, CURRENCY
from schema.coins import Coin
from schema.common import ApiError, Info
from schema.currencies import Currency
from schema.enums import TransactionKind
from schema.import_inputs import ImportTransactionsInput
from schema.money import Money


@strawberry.enum(description="What became of a row, or would.")
class ImportOutcome(Enum):
    NEW = value("NEW", description="It is added.")
    DUPLICATE = value("DUPLICATE", description="The account has it already.")
    REJECTED = value("REJECTED", description="It cannot be understood, or is wrong; `reason` says why.")
    IGNORED = value("IGNORED", description="It changes nothing that is held; `reason` says why.")


@strawberry.type(description="A transaction as a file has it. Of either a coin or money.")
class ImportedTransaction:
    kind: TransactionKind = strawberry.field(description="What it is.")
    coin: Coin | None = strawberry.field(description=COIN)
    currency: Currency | None = strawberry.field(description=CURRENCY)
    quantity: Decimal = strawberry.field(description="How much.")
    unit_price: Money | None = strawberry.field(description="What one of it cost or brought; null when unknown.")
    fee: Money | None = strawberry.field(description="What was paid besides.")
    at: datetime = strawberry.field(description="When it happened.")
    external_id: str = strawberry.field(
        description="The source's own id; where it has none, one that follows from what the row says."
    )

    @classmethod
    def of(cls, draft: Draft, asset: CoinRow | CurrencyRow, currencies: dict[int, CurrencyRow]) -> ImportedTransaction:
        def money(amount: Decimal | None, currency: int | None) -> Money | None:
            return None if amount is None or currency is None else Money.of(amount, currencies[currency])

        new = draft.new
        return cls(
            kind=TransactionKind(new.kind.value),
            coin=Coin.from_row(asset) if isinstance(asset, CoinRow) else None,
            currency=Currency.from_row(asset) if isinstance(asset, CurrencyRow) else None,
            quantity=new.quantity,
            unit_price=money(new.unit_price, new.unit_price_currency_id),
            fee=money(new.fee, new.fee_currency_id),
            at=new.at,
            external_id=new.external_id or "",
        )


@strawberry.type(description="A row of a file.")
class ImportRow:
    line: int = strawberry.field(description="Where it begins in the file, counted from 1.")
    outcome: ImportOutcome = strawberry.field(description="What became of it.")
    reason: str | None = strawberry.field(
        description="Why it is rejected or ignored; of others what had to be assumed, if anything."
    )
    transactions: list[ImportedTransaction] = strawberry.field(
        description="What it means; two where something was paid with what the account holds."
    )

    @classmethod
    def of(cls, given: ImportedRow, currencies: dict[int, CurrencyRow]) -> ImportRow:
        checked = given.checked
        return cls(
            line=checked.row.line,
            outcome=ImportOutcome(given.outcome.value),
            reason=checked.row.remark,
            transactions=[
                ImportedTransaction.of(draft, asset, currencies)
                for draft, asset in zip(checked.drafts, checked.assets, strict=True)
            ],
        )


@strawberry.type(description="What became of a file, or would.")
class ImportPayload:
    result: strawberry.Private[ImportResult | None]
    applied: bool = strawberry.field(description="Whether what is new is stored: not by a dry run.")
    new: int = strawberry.field(description="Rows with something new.")
    duplicate: int = strawberry.field(description="Rows that the account has already.")
    rejected: int = strawberry.field(description="Rows that cannot be understood; the others are not lost by them.")
    ignored: int = strawberry.field(description="Rows that change nothing that is held.")
    transactions: int = strawberry.field(description="Transactions that are new; a row may make two.")
    errors: list[ApiError] = strawberry.field(description="Why all was refused: then nothing was read or stored.")

    @strawberry.field(description="Rows in the order of the file.")
    def rows(
        self,
        outcomes: Annotated[
            list[ImportOutcome] | None, strawberry.argument(description="Only those with one of these outcomes.")
        ] = None,
        first: Annotated[int, strawberry.argument(description="1 to 1,000.")] = 100,
        after: Annotated[int, strawberry.argument(description="Only those behind this line of the file.")] = 0,
    ) -> list[ImportRow]:
        check_page_size(first)
        if self.result is None:
            return []
        wanted = set(RowOutcome) if outcomes is None else {RowOutcome(one.name) for one in outcomes}
        chosen = [row for row in self.result.rows if row.outcome in wanted and row.checked.row.line > after]
        return [ImportRow.of(row, self.result.currencies) for row in chosen[:first]]

    @classmethod
    def from_result(cls, result: ImportResult | Refusal) -> ImportPayload:
        if isinstance(result, Refusal):
            errors = [ApiError.from_error(result)]
            return cls(
                result=None, applied=False, new=0, duplicate=0, rejected=0, ignored=0, transactions=0, errors=errors
            )
        return cls(
            result=result,
            applied=result.applied,
            new=result.counts[RowOutcome.NEW],
            duplicate=result.counts[RowOutcome.DUPLICATE],
            rejected=result.counts[RowOutcome.REJECTED],
            ignored=result.counts[RowOutcome.IGNORED],
            transactions=result.transactions,
            errors=[],
        )


@strawberry.type
class ImportMutations:
    @strawberry.mutation(
        description="Read a file of transactions and add what is new to a manual account; by default only say what "
        "that would be. A file that is imported again adds nothing, one that overlaps it only the rest; equal rows of "
        "one file are all kept. Needs a token with scope PORTFOLIO_WRITE."
    )
    async def import_transactions(
        self, info: Info, input: Annotated[ImportTransactionsInput, strawberry.argument(description="What to read.")]
    ) -> ImportPayload:
        return ImportPayload.from_result(await resolve_import(info.context, input.order))
