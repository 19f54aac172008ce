"""Amounts of money."""

from __future__ import annotations

from decimal import Decimal

import strawberry

from db.currencies import CurrencyRow
from resolvers.decimals import round_amount
from schema.currencies import Currency


@strawberry.type(description="An exact amount of money.")
class Money:
    amount: Decimal = strawberry.field(description="How much.")
    currency: Currency = strawberry.field(description="Of what.")

    @classmethod
    def of(cls, amount: Decimal, currency: CurrencyRow) -> Money:
        return cls(amount=amount, currency=Currency.from_row(currency))

    @classmethod
    def of_known(cls, amount: Decimal | None, currency: CurrencyRow) -> Money | None:
        """Of an exact amount with any number of decimals; None when it is not known."""
        return None if amount is None else cls.of(round_amount(amount), currency)


@strawberry.input(description="An exact amount of money.")
class MoneyInput:
    amount: Decimal = strawberry.field(description="Zero or more.")
    currency: str = strawberry.field(description="Code, such as `usd`.")
