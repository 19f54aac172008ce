"""A Coinbase account: its trades, each as two transactions, and the balances of its wallets."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from db.asset_codes import assets_of_codes
from db.pool import Connection
from db.providers import Budget
from db.transactions import Kind
from ingest.accounts.amounts import plus
from ingest.accounts.coinbase import Coinbase
from ingest.accounts.coinbase_wire import CoinbaseBalance, CoinbaseFill, total_by_code
from ingest.accounts.pages import Page, every_page
from ingest.errors import FatalProviderError
from ingest.errors import Kind as ErrorKind
from ingest.pacing import Pacer
from ingest.syncs.source import Move

# 10,000 an hour are published for a sister API; what Coinbase says of this one is 30 a second.
BUDGET = Budget("coinbase", calls=25, period=timedelta(seconds=5), burst=5, monthly_limit=None, reach_days=None)


class CoinbaseSource:
    """What its key may see. Deposits and withdrawals are not listed, so balances say more than transactions do."""

    def __init__(self, coinbase: Coinbase, pacer: Pacer, account_id: int) -> None:
        self._coinbase = coinbase
        self._pacer = pacer
        self._account_id = account_id

    async def check(self) -> None:
        await self._pacer.call(self._coinbase.check_key)

    async def history(self, cursor: str | None, since: datetime | None) -> AsyncGenerator[Page[Move], None]:
        async def fetch(cursor: str | None) -> Page[CoinbaseFill]:
            return await self._pacer.call(lambda: self._coinbase.fills(cursor, since))

        async for page in every_page(fetch, lambda fill: fill.trade_id, cursor):
            yield Page([move for fill in page.rows for move in moves_of(fill)], page.next_cursor, page.unread)

    async def balances(self) -> Mapping[str, Decimal]:
        async def fetch(cursor: str | None) -> Page[CoinbaseBalance]:
            return await self._pacer.call(lambda: self._coinbase.accounts(cursor))

        wallets = [wallet async for page in every_page(fetch, lambda one: one.wallet_id) for wallet in page.rows]
        try:
            return total_by_code(wallets)
        except ValueError as error:
            raise FatalProviderError(ErrorKind.DRIFT, f"Coinbase's balances cannot be read: {error}") from error

    async def assets(self, connection: Connection, codes: Collection[str]) -> dict[str, int]:
        return await assets_of_codes(connection, self._account_id, codes)


def moves_of(fill: CoinbaseFill) -> Iterator[Move]:
    """What was bought or sold, and what was paid or got for it with the commission taken off."""
    id_ = f"fill:{fill.trade_id}"
    yield Move(fill.base, Kind(fill.side), fill.at, fill.quantity, id_, fill.price, fill.commission, fill.quote)
    paid = plus(fill.cost if fill.side == "BUY" else fill.cost.copy_negate(), fill.commission)
    if paid:
        kind = Kind.WITHDRAWAL if paid > 0 else Kind.DEPOSIT
        yield Move(fill.quote, kind, fill.at, paid.copy_abs(), f"{id_}:cash")
