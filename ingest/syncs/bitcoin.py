"""A bitcoin address: its confirmed transactions, and what they left there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from db.asset_codes import asset_of_slug
from db.pool import Connection
from db.providers import Budget
from db.transactions import Kind
from ingest.accounts.esplora import BitcoinTransaction, Esplora
from ingest.accounts.pages import Page, every_page
from ingest.pacing import Pacer
from ingest.syncs.source import Move

# Blockstream answers 700 calls an hour and 500,000 a month to one machine (its notice of July 2025).
BUDGET = Budget("esplora", calls=700, period=timedelta(hours=1), burst=60, monthly_limit=500_000, reach_days=None)
_CODE = "BTC"
_SLUG = "bitcoin"
_DECIMALS = 8


class BitcoinSource:
    """The network fee of what the address sends is inside what it loses."""

    def __init__(self, esplora: Esplora, pacer: Pacer, address: str) -> None:
        self._esplora = esplora
        self._pacer = pacer
        self._address = address

    async def check(self) -> None:
        """Every address may be looked at."""

    async def history(self, cursor: str | None, since: datetime | None) -> AsyncGenerator[Page[Move], None]:
        async def fetch(cursor: str | None) -> Page[BitcoinTransaction]:
            return await self._pacer.call(lambda: self._esplora.history(self._address, cursor))

        async for page in every_page(fetch, lambda one: one.txid, cursor):
            moves = [_move(one) for one in page.rows if one.change_sats]
            if since and page.rows and all(one.at < since for one in page.rows):
                yield Page(moves, None)
                return
            yield Page(moves, page.next_cursor)

    async def balances(self) -> Mapping[str, Decimal]:
        balance = await self._pacer.call(lambda: self._esplora.balance(self._address))
        return {_CODE: _bitcoins(balance.sats)}

    async def assets(self, connection: Connection, codes: Collection[str]) -> dict[str, int]:
        bitcoin = await asset_of_slug(connection, _SLUG)
        return {} if bitcoin is None else dict.fromkeys(codes, bitcoin)


def _move(one: BitcoinTransaction) -> Move:
    kind = Kind.DEPOSIT if one.change_sats > 0 else Kind.WITHDRAWAL
    return Move(_CODE, kind, one.at, _bitcoins(abs(one.change_sats)), one.txid)


def _bitcoins(sats: int) -> Decimal:
    return Decimal(sats).scaleb(-_DECIMALS)
