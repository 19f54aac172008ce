"""What the peers know of the tables: one statement behind each question, read as fast as psycopg can."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from db.reference import CURRENCIES

Point = tuple[int, datetime, float, float | None, float | None]
Latest = tuple[str, str, float, datetime]
Pool = AsyncConnectionPool[AsyncConnection[TupleRow]]

_TABLES = {"HOUR_1": "price_hourly", "DAY_1": "price_daily"}
_POINTS = """
select coin_id, ts, price, market_cap, volume_24h from {table}
where coin_id = any(%(coins)s) and currency_id = %(currency)s and ts >= %(start)s and ts < %(end)s
order by coin_id, ts
"""
# Grouped rather than joined with itself: that keeps its speed when PostgreSQL turns to a generic plan.
_CONVERTED = """
with rates as materialized (
    select ts, max(price) filter (where currency_id = %(currency)s) / max(price) filter (where currency_id = 1) as rate
    from {table} where coin_id = %(rate_coin)s and currency_id in (1, %(currency)s) and ts >= %(start)s and ts < %(end)s
    group by ts
)
select p.coin_id, p.ts, p.price * r.rate, p.market_cap * r.rate, p.volume_24h * r.rate
from {table} p join rates r using (ts)
where p.coin_id = any(%(coins)s) and p.currency_id = 1 and p.ts >= %(start)s and p.ts < %(end)s
order by p.coin_id, p.ts
"""
_LATEST = """
select c.slug, c.symbol, l.price, l.observed_at from coins c
join price_latest l on l.coin_id = c.id and l.currency_id = %s
where c.slug = any(%s) order by c.rank
"""


@dataclass(frozen=True)
class History:
    """One coin's points, oldest first, and how many there could be."""

    slug: str
    points: Sequence[Point]
    expected: int


@dataclass(frozen=True)
class Prices:
    """Names that hardly ever change are read once. `rate_coins`: through which coin a currency is converted."""

    pool: Pool
    coins: dict[str, int]
    rate_coins: dict[str, int]

    async def histories(
        self, slugs: Sequence[str], currency: str, start: datetime, end: datetime, interval: str
    ) -> list[History]:
        ids = [self.coins[slug] for slug in slugs]
        given: dict[str, Any] = {"coins": ids, "currency": _currency_id(currency), "start": start, "end": end}
        statement = _POINTS
        if rate_coin := self.rate_coins.get(currency):
            statement, given["rate_coin"] = _CONVERTED, rate_coin
        rows: list[Any] = await self._read(statement.format(table=_TABLES[interval]), given)
        found = {coin: list(points) for coin, points in groupby(rows, itemgetter(0))}
        expected = int((end - start).total_seconds()) // (3600 if interval == "HOUR_1" else 86400)
        return [History(slug, found.get(id_, []), expected) for slug, id_ in zip(slugs, ids, strict=True)]

    async def latest(self, slugs: Sequence[str], currency: str) -> list[Any]:
        """Rows of `Latest`, by rank."""
        return await self._read(_LATEST, (_currency_id(currency), slugs))

    async def _read(self, statement: str, given: Any) -> list[Any]:
        async with self.pool.connection() as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(statement.encode(), given)
            return await cursor.fetchall()


@asynccontextmanager
async def open_prices(url: str) -> AsyncIterator[Prices]:
    """With a pool of the size that pricegraph's has."""
    async with AsyncConnectionPool(url, min_size=1, max_size=10, kwargs={"autocommit": True}) as pool:
        async with pool.connection() as connection:
            coins = await (await connection.execute("select slug, id from coins")).fetchall()
            rates = await (await connection.execute("select code, rate_coin_id from currencies")).fetchall()
        yield Prices(pool, dict(coins), {code: coin for code, coin in rates if coin is not None})


def _currency_id(code: str) -> int:
    """The first migration stores the currencies in this order."""
    return next(number for number, (known, *_) in enumerate(CURRENCIES, 1) if known == code)
