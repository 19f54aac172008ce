"""Currencies."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

import strawberry

from db.currencies import CurrencyRow
from resolvers.ids import encode_id
from schema.common import Info, Node
from schema.enums import CurrencyKind


@strawberry.type(description="A quote currency that this installation stores prices in.")
class Currency(Node):
    code: str = strawberry.field(description="Lower case: `usd`, `eur`, `btc`. The key that arguments take.")
    name: str = strawberry.field(description="English name.")
    kind: CurrencyKind = strawberry.field(description="State money, a coin, or metal.")
    decimals: int = strawberry.field(description="Decimals of the smallest unit in use (ISO 4217 where it has one).")

    @classmethod
    @lru_cache(maxsize=256)  # every price of a page names the same one
    def from_row(cls, row: CurrencyRow) -> Currency:
        return cls(
            id=strawberry.ID(encode_id("Currency", row.id)),
            code=row.code,
            name=row.name,
            kind=CurrencyKind(row.kind),
            decimals=row.decimals,
        )


@strawberry.type
class CurrencyQueries:
    @strawberry.field(description="The currencies that prices are stored in.")
    async def currencies(
        self,
        info: Info,
        kind: Annotated[CurrencyKind | None, strawberry.argument(description="Only these; left out: all.")] = None,
    ) -> list[Currency]:
        rows = await info.context.currencies()
        return [Currency.from_row(row) for row in rows if kind is None or row.kind == kind.name]
