"""Accounts at the simulator's sources, and what syncs make of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx

from db.accounts import AccountKind, AccountRow, NewAccount, add_account, read_accounts
from db.holdings import read_holdings
from db.portfolios import create_portfolio
from db.providers import put_budget
from db.secrets import Vault
from db.syncs import SyncRow, read_syncs, request_sync
from ingest.syncs.opening import BUDGETS, Sources
from ingest.syncs.run import Syncer
from simulator.bitcoin_wallets import WALLETS
from simulator.coinbase_keys import KEYS
from tests.world import World

OWNER = "alice"
# Those that the everyday user of the simulated Coinbase has.
COINS = {
    "bitcoin": "BTC",
    "ethereum": "ETH",
    "solana": "SOL",
    "cardano": "ADA",
    "dogecoin": "DOGE",
    "tron": "TRX",
}
_SYMBOLS = """
select a.id, coalesce(upper(c.symbol), upper(y.code)) from assets a
left join coins c on c.id = a.coin_id left join currencies y on y.id = a.currency_id
"""


@dataclass
class Wallets:
    """A portfolio of `OWNER`, and a worker's way to the simulator's accounts."""

    world: World
    portfolio: int
    vault: Vault = field(default_factory=lambda: Vault.from_keys(Vault.new_key()))

    @property
    def sources(self) -> Sources:
        url = self.world.simulator.url
        return Sources(self.world.clock, f"{url}/coinbase/api/v3/brokerage", f"{url}/esplora/api", self.vault)

    @property
    def syncer(self) -> Syncer:
        return Syncer(self.world.database, self.sources, self.world.clock)

    async def add_coinbase(self, label: str) -> int:
        key = KEYS[label]
        secret = self.vault.encrypt(key.secret)
        return await self._add(AccountKind.COINBASE, label, key_name=key.name, secret=secret)

    async def add_bitcoin(self, label: str) -> int:
        return await self._add(AccountKind.BITCOIN, label, address=WALLETS[label].address)

    async def add_manual(self, label: str) -> int:
        return await self._add(AccountKind.MANUAL, label)

    async def account(self, id_: int) -> AccountRow:
        async with self.world.database.connection() as connection:
            return (await read_accounts(connection, OWNER, ids=[id_]))[0]

    async def request(self, *accounts: int) -> dict[int, int]:
        async with self.world.database.transaction() as connection:
            return await request_sync(connection, accounts, "test", self.world.clock.now(), owner=OWNER)

    async def sync(self, account: int) -> SyncRow:
        """From beginning to end."""
        run = (await self.request(account))[account]
        await self.work()
        return await self.run(run)

    async def work(self) -> None:
        """Take up every open run, again and again; time passes until those that wait may go on."""
        while turn := await self._next_turn():
            run, resumes_at = turn
            if resumes_at:
                await self.world.clock.sleep(max(0.0, (resumes_at - self.world.clock.now()).total_seconds()))
            await self.syncer.run_sync(run)

    async def until_claimed(self, run_id: int) -> None:
        """Some worker has begun with the run."""
        deadline = asyncio.get_running_loop().time() + 30
        while (await self.run(run_id)).status != "RUNNING":
            assert asyncio.get_running_loop().time() < deadline, "nobody has taken the run"
            await asyncio.sleep(0.01)

    async def run(self, run_id: int) -> SyncRow:
        async with self.world.database.connection() as connection:
            return (await read_syncs(connection, OWNER, [run_id]))[run_id]

    async def reports(self, account: int) -> list[tuple[str, datetime, Decimal]]:
        """Every balance that was ever reported: symbol, time, quantity."""
        query = "select asset_id, taken_at, quantity from balances where account_id = %s order by 1, 2"
        async with self.world.database.connection() as connection:
            symbols: dict[int, str] = dict(await (await connection.execute(_SYMBOLS)).fetchall())
            rows = await (await connection.execute(query, (account,))).fetchall()
        return [(symbols[asset], at, quantity) for asset, at, quantity in rows]

    async def holdings(self, account: int) -> dict[str, Decimal]:
        """What the account holds now, by symbol."""
        async with self.world.database.connection() as connection:
            symbols: dict[int, str] = dict(await (await connection.execute(_SYMBOLS)).fetchall())
            rows = await read_holdings(connection, OWNER, self.portfolio, self.world.clock.now())
        return {symbols[row.asset_id]: row.quantity for row in rows if row.account_id == account}

    async def truth(self) -> dict[str, Any]:
        """What the simulator says it holds for everybody."""
        async with httpx.AsyncClient(base_url=self.world.simulator.url, timeout=30) as client:
            found: dict[str, Any] = (await client.get("/_control/wallets")).json()
            return found

    async def coinbase_truth(self, user: str) -> dict[str, Decimal]:
        """What a user of Coinbase has, by code."""
        balances = (await self.truth())["coinbase"][user]["balances"]
        return {code: Decimal(text) for code, text in balances.items() if Decimal(text)}

    async def transactions(self, account: int) -> int:
        return int(await self.world.scalar("select count(*) from transactions where account_id = %s", account))

    async def _add(self, kind: AccountKind, label: str, **given: Any) -> int:
        account = NewAccount(self.portfolio, kind, label, self.world.clock.now(), **given)
        async with self.world.database.transaction() as connection:
            id_ = await add_account(connection, OWNER, account)
        assert id_ is not None
        return id_

    async def _next_turn(self) -> tuple[int, datetime | None] | None:
        async with self.world.database.connection() as connection:
            cursor = await connection.execute(
                "select id, resumes_at from sync_runs where finished_at is null "
                "order by resumes_at nulls first, heartbeat_at nulls first, id limit 1"
            )
            row = await cursor.fetchone()
        return (row[0], row[1]) if row else None


async def open_wallets(world: World) -> Wallets:
    """In a world that knows a few coins; `world.know` makes it all of the market."""
    async with world.database.transaction() as connection:
        for slug, symbol in COINS.items():
            await connection.execute(
                "insert into coins (slug, symbol, name, tracked) values (%s, %s, %s, true)", (slug, symbol, slug)
            )
        for budget in BUDGETS.values():
            await put_budget(connection, budget)
        portfolio = await create_portfolio(connection, OWNER, "Everything", 1, world.clock.now())
    return Wallets(world, portfolio.id)
