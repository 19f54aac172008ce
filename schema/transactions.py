"""Transactions, and the two sides of internal transfers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import strawberry

from resolvers.context import Context
from resolvers.ids import encode_id
from resolvers.transactions import Amount, TransactionView, resolve_transactions
from schema.accounts import COIN, CURRENCY, Account, make_account
from schema.coins import Coin
from schema.common import Info, Node
from schema.currencies import Currency
from schema.enums import TransactionKind
from schema.executor import BATCH
from schema.money import Money


async def transfers(context: Context, items: Sequence[Transaction]) -> list[Transaction | None]:
    """`Transaction.transfer` of many at once, in their order."""
    found = await resolve_transactions(context, [item.view.row.transfer_id for item in items])
    return [Transaction.from_view(context, view) if view else None for view in found]


@strawberry.type(description="A change of what one account holds of one asset.")
class Transaction(Node):
    view: strawberry.Private[TransactionView]
    kind: TransactionKind = strawberry.field(description="What it is; it says whether it brings in or takes out.")
    coin: Coin | None = strawberry.field(description=COIN)
    currency: Currency | None = strawberry.field(description=CURRENCY)
    quantity: Decimal = strawberry.field(description="How much; always above zero.")
    unit_price: Money | None = strawberry.field(description="What one of it cost or brought; null when unknown.")
    fee: Money | None = strawberry.field(description="What was paid besides; null when nothing is known of it.")
    at: datetime = strawberry.field(description="When it happened.")
    external_id: str | None = strawberry.field(
        description="The source's own id, or the one that it was added with. An account has each one once."
    )
    created_at: datetime = strawberry.field(description="When it was stored.")
    account: Account = strawberry.field(description="Where it happened.")

    @strawberry.field(
        description="The other side of an internal transfer, which makes no gain: in another account of the portfolio. "
        "Null when it is no part of one.",
        metadata={BATCH: transfers},
    )
    async def transfer(self, info: Info) -> Transaction | None:
        [found] = await transfers(info.context, [self])
        return found

    @classmethod
    def from_view(cls, context: Context, view: TransactionView) -> Transaction:
        row, asset = view.row, view.asset
        return cls(
            view=view,
            id=strawberry.ID(encode_id("Transaction", row.id)),
            kind=TransactionKind(row.kind),
            coin=Coin.from_row(asset.coin) if asset.coin else None,
            currency=Currency.from_row(asset.currency) if asset.currency else None,
            quantity=row.quantity,
            unit_price=_money(view.unit_price),
            fee=_money(view.fee),
            at=row.at,
            external_id=row.external_id,
            created_at=row.created_at,
            account=make_account(context, view.account),
        )


def _money(amount: Amount | None) -> Money | None:
    return Money.of(amount.amount, amount.currency) if amount else None
