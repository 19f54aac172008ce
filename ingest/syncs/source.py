"""What a sync needs of the source of an account, whatever its kind."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from db.pool import Connection
from db.transactions import Kind
from ingest.accounts.pages import Page


class Move(NamedTuple):
    """A transaction, its asset still called as the source calls it; price and fee are in the currency `money`."""

    code: str
    kind: Kind
    at: datetime
    quantity: Decimal
    external_id: str
    unit_price: Decimal | None = None
    fee: Decimal | None = None
    money: str | None = None


class Source(Protocol):
    """One account, asked through its pacer. Every method may raise ProviderError."""

    async def check(self) -> None:
        """Refuse an account that is not to be read at all."""

    def history(self, cursor: str | None, since: datetime | None) -> AsyncGenerator[Page[Move], None]:
        """The pages from a cursor on, newest first; with `since` at least what happened from then on."""

    async def balances(self) -> Mapping[str, Decimal]:
        """All that the account holds now, by code."""

    async def assets(self, connection: Connection, codes: Collection[str]) -> dict[str, int]:
        """What the codes mean here; those that mean nothing, or nothing certain, are left out."""
