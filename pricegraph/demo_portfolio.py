"""The demo's portfolios, with accounts of the simulated world. They look as if they had been there for the whole
history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from db.accounts import AccountKind, NewAccount, add_account
from db.asset_codes import assets_of_codes
from db.assets import assets_of_coins
from db.balances import report_balances
from db.coins import list_tracked
from db.currencies import list_currencies, list_known_currencies
from db.pool import Connection
from db.portfolios import create_portfolio
from db.schedule import take_tick
from db.secrets import Vault
from db.syncs import request_sync
from db.transactions import NewTransaction, add_transactions
from pricegraph.auth import OPERATOR
from pricegraph.demo_trades import Trade, find_transfer, list_trades
from simulator.bitcoin_chain import Chain
from simulator.bitcoin_wallets import WALLETS
from simulator.coinbase_keys import KEYS
from simulator.coinbase_ledger import Ledger
from simulator.coinbase_users import users_of
from simulator.market import Market
from simulator.settings import SimulatorSettings

# One with everything; and one of which all is known, what Coinbase holds and does not say the cost of left out.
EVERYTHING, BY_HAND = "Demo", "Demo savings plan"
# A tick that comes once: a database in which it was taken has had its portfolios.
_JOB, _ONCE = "demo portfolios", datetime(2026, 1, 1, tzinfo=UTC)
_KEY = KEYS["everyday"]


@dataclass(frozen=True)
class _Past:
    """From when to when the portfolios pretend to have been there: both are midnights."""

    since: datetime
    today: datetime

    @property
    def days(self) -> list[datetime]:
        return [self.since + timedelta(days=days) for days in range((self.today - self.since).days + 1)]


async def add_demo_portfolios(
    connection: Connection, simulated: SimulatorSettings, vault: Vault, now: datetime, history_days: int
) -> bool:
    """Once in the life of a database: False from the second time on, whatever its owner has made of them since.

    False, too, as long as no currency is known. The caller holds the transaction. Raises PortfolioNameTaken.
    """
    stored = {currency.code: currency.id for currency in await list_currencies(connection)}
    if not stored or not await take_tick(connection, _JOB, _ONCE):
        return False
    currency = stored.get("usd", next(iter(stored.values())))
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    past = _Past(today - timedelta(days=history_days + 1), today)
    market = Market(simulated)
    trades = list_trades(market, today)
    transfer = find_transfer(trades, Chain(simulated.seed), today)

    everything = (await create_portfolio(connection, OPERATOR, EVERYTHING, currency, past.since)).id
    ledger = Ledger(users_of(market)[_KEY.user], market, simulated.seed)
    synced = [
        await _add_exchange(connection, everything, vault, ledger, past),
        await _add_address(connection, everything, past),
    ]
    await _add_by_hand(connection, everything, [*trades, transfer] if transfer else trades, past)
    by_hand = (await create_portfolio(connection, OPERATOR, BY_HAND, currency, past.since)).id
    await _add_by_hand(connection, by_hand, trades, past)
    await request_sync(connection, synced, "demo", now, owner=OPERATOR)
    return True


async def _add_exchange(connection: Connection, portfolio_id: int, vault: Vault, ledger: Ledger, past: _Past) -> int:
    """With what a sync at each midnight would have been told: Advanced Trade lists no deposits, so without it nothing
    would be known of what was there before the first real one.
    """
    secret = vault.encrypt(_KEY.secret)
    account_id = await _add(
        connection,
        NewAccount(portfolio_id, AccountKind.COINBASE, "Coinbase", past.since, key_name=_KEY.name, secret=secret),
    )
    assets = await assets_of_codes(connection, account_id, ledger.balances(past.today.timestamp()).keys())
    for at in past.days:
        balances = ledger.balances(at.timestamp())
        known = {asset: balances[code] for code, asset in assets.items() if code in balances}
        await report_balances(connection, account_id, known, at)
    return account_id


async def _add_address(connection: Connection, portfolio_id: int, past: _Past) -> int:
    address = WALLETS["savings"].address
    return await _add(connection, NewAccount(portfolio_id, AccountKind.BITCOIN, "Savings", past.since, address=address))


async def _add_by_hand(connection: Connection, portfolio_id: int, trades: Sequence[Trade], past: _Past) -> None:
    """With the trades of tracked coins: the others have no prices here."""
    account_id = await _add(connection, NewAccount(portfolio_id, AccountKind.MANUAL, "By hand", past.since))
    coins = {coin.slug: coin.id for coin in await list_tracked(connection)}
    [dollar] = [currency.id for currency in await list_known_currencies(connection) if currency.code == "usd"]
    entered = [trade for trade in trades if trade.coin in coins]
    assets = await assets_of_coins(connection, [coins[trade.coin] for trade in entered])
    rows = [_row(trade, assets[coins[trade.coin]], dollar) for trade in entered]
    await add_transactions(connection, account_id, rows, past.today)


def _row(trade: Trade, asset: int, dollar: int) -> NewTransaction:
    price = (trade.price, dollar if trade.price is not None else None)
    fee = (trade.fee, dollar if trade.fee is not None else None)
    return NewTransaction(asset, trade.kind, trade.at, trade.quantity, *price, *fee, trade.id)


async def _add(connection: Connection, account: NewAccount) -> int:
    account_id = await add_account(connection, OPERATOR, account)
    assert account_id is not None
    return account_id
