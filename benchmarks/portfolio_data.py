"""Portfolios of twelve years: 250 coins, 14,400 transactions, a price of each day, put straight into the tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

from db.migrate import migrate
from db.series import DAY, HOUR, floor

OWNER = "operator"  # whoever has the token of the settings


@dataclass(frozen=True)
class PortfolioSize:
    coins: int = 250
    days: int = 4_383
    transactions: int = 14_400
    accounts: int = 5


# `grown`: one coin after the other is bought, over all the years. `full`: all of them from the first weeks on.
PORTFOLIOS = ("grown", "full")
_CURRENCIES = "update currencies set tracked = code in ('usd', 'eur')"
_COINS = """
insert into coins (slug, symbol, name, rank, tracked)
select 'coin-' || i, 's' || i, 'Coin ' || i, i, true from generate_series(1, %(coins)s) i
"""
_PRICES = """
insert into {table} (coin_id, currency_id, ts, price, market_cap, volume_24h, observed_at, provider_id)
select c.id, y.id, t, exp(mod(c.id * 7, 12) - 3 + sin(c.id + extract(epoch from t) / 2e7) + random() / 10),
       1e9, 1e6, t, 1
from coins c, currencies y, generate_series(%(start)s::timestamptz, %(end)s, %(step)s) t
where y.code = 'usd'
order by 1, 2, 3
"""
_LATEST = """
insert into price_latest (coin_id, currency_id, price, observed_at, provider_id)
select coin_id, currency_id, price, %(now)s, 1 from price_daily where ts = %(today)s
"""
_PORTFOLIO = """
with portfolio as (
    insert into portfolios (owner, name, currency_id, created_at)
    select %(owner)s, %(name)s, id, now() from currencies where code = 'usd' returning id
)
insert into accounts (portfolio_id, kind, label, created_at)
select id, 'MANUAL', 'account ' || i, now() from portfolio, generate_series(1, %(accounts)s) i
"""
_ASSETS = "insert into assets (coin_id) select id from coins order by id"
_TRANSACTIONS = """
insert into transactions (account_id, asset_id, kind, at, quantity, created_at)
select a.id, s.id, case when random() < 0.7 then 'BUY' else 'SELL' end,
       %(start)s::timestamptz + i * (%(today)s::timestamptz - %(start)s::timestamptz) / %(transactions)s,
       round((random() * 10)::numeric, 8) + 0.00000001, now()
from generate_series(0, %(transactions)s - 1) i
join accounts a on a.label = 'account ' || 1 + i %% %(accounts)s
join portfolios p on p.id = a.portfolio_id and p.name = %(name)s
join assets s on s.coin_id = 1 + (i * 7919) %% case when %(name)s = 'full' then %(coins)s
                                               else 1 + i * (%(coins)s - 1) / %(transactions)s end
"""


def instants(size: PortfolioSize, now: datetime) -> tuple[datetime, datetime]:
    """The first and the last day."""
    today = floor(now, DAY)
    return today - (size.days - 1) * DAY, today


def fill(url: str, size: PortfolioSize, now: datetime) -> None:
    migrate(url)
    start, today = instants(size, now)
    given = {"coins": size.coins, "accounts": size.accounts, "transactions": size.transactions, "owner": OWNER}
    times: dict[str, datetime] = {"now": now, "today": today, "start": start}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select setseed(0.5)")
        connection.execute(_CURRENCIES)
        connection.execute(_COINS, given)
        _store(connection, "price_daily", start, today, DAY)
        _store(connection, "price_hourly", today - 90 * DAY, floor(now, HOUR), HOUR)
        connection.execute(_LATEST, times)
        connection.execute(_ASSETS)
        for name in PORTFOLIOS:
            connection.execute(_PORTFOLIO, given | {"name": name})
            connection.execute(_TRANSACTIONS, given | times | {"name": name})
        connection.execute("vacuum (analyze)")


def _store(
    connection: psycopg.Connection[tuple[object, ...]], table: str, start: datetime, end: datetime, step: timedelta
) -> None:
    connection.execute(_PRICES.format(table=table).encode(), {"start": start, "end": end, "step": step})
