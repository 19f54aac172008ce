"""The history of a portfolio as one would write it in a notebook: read the tables, pivot, multiply, sum."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import psycopg

_TRANSACTIONS = """
select s.coin_id, t.at, t.change::float8 from transactions t
join accounts a on a.id = t.account_id join portfolios p on p.id = a.portfolio_id
join assets s on s.id = t.asset_id where p.name = %s
"""
_PRICES = """
select p.coin_id, p.ts, p.price from price_daily p join currencies y on y.id = p.currency_id where y.code = 'usd'
"""


def value_with_pandas(url: str, portfolio: str) -> dict[datetime, float]:
    """The total in dollars at the start of each day."""
    with psycopg.connect(url) as connection, connection.cursor(binary=True) as cursor:
        changes = pd.DataFrame(cursor.execute(_TRANSACTIONS, (portfolio,)).fetchall(), columns=["coin", "at", "change"])
        prices = pd.DataFrame(cursor.execute(_PRICES).fetchall(), columns=["coin", "day", "price"])
    changes["day"] = pd.to_datetime(changes["at"], utc=True).dt.ceil("D")
    prices["day"] = pd.to_datetime(prices["day"], utc=True)
    table = prices.pivot_table(index="day", columns="coin", values="price").ffill(limit=1)
    held = changes.pivot_table(index="day", columns="coin", values="change", aggfunc="sum").fillna(0).cumsum()
    held = held.reindex(table.index, method="ffill").fillna(0)
    totals = (held * table[held.columns]).sum(axis=1)
    return {day.to_pydatetime(): float(total) for day, total in totals.items()}
