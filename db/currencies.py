"""Currencies: the ones known, which of them this installation stores prices in, and for which coins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from psycopg import sql

from db.coins import CoinRow
from db.pool import Connection
from db.series import Series


class CurrencyRow(NamedTuple):
    """Prices in it are stored for every tracked coin (`tracked`), or for its rate coin alone, or not at all."""

    id: int
    code: str
    name: str
    kind: str
    decimals: int
    tracked: bool
    rate_coin_id: int | None


# Of a table that is called y.
CURRENCY_COLUMNS = sql.SQL(", ").join(sql.Identifier("y", name) for name in CurrencyRow._fields)
_ALL = sql.SQL("select {} from currencies y order by y.id").format(CURRENCY_COLUMNS)
# As `is_stored` says.
SELECT_STORED = sql.SQL(
    "select {} from currencies y where y.tracked or y.rate_coin_id is not null order by y.id"
).format(CURRENCY_COLUMNS)


async def list_known_currencies(connection: Connection) -> list[CurrencyRow]:
    """Every currency that a provider quotes prices in, stored or not."""
    return [CurrencyRow._make(row) for row in await (await connection.execute(_ALL)).fetchall()]


async def list_currencies(connection: Connection) -> list[CurrencyRow]:
    """The currencies that prices are stored in, be it for one coin only."""
    return [row for row in await list_known_currencies(connection) if is_stored(row)]


def is_stored(currency: CurrencyRow) -> bool:
    """Whether prices are stored in it, be it for one coin only."""
    return currency.tracked or currency.rate_coin_id is not None


def series_of(coins: Iterable[CoinRow], currencies: Sequence[CurrencyRow]) -> list[Series]:
    """What is stored of these coins in these currencies; of a currency with a rate coin that coin's prices only."""
    return [
        Series(coin.id, currency.id)
        for coin in coins
        for currency in currencies
        if currency.tracked or currency.rate_coin_id == coin.id
    ]


async def track_currencies(connection: Connection, codes: Sequence[str]) -> list[str]:
    """Store prices of every tracked coin in these from now on; answers the codes nobody knows."""
    cursor = await connection.execute(
        "update currencies set tracked = true, rate_coin_id = null where code = any(%s) returning code", (list(codes),)
    )
    return _rest(codes, await cursor.fetchall())


async def track_rates(connection: Connection, codes: Sequence[str], provider_id: int, coin: str) -> list[str]:
    """Store prices in these for one coin alone, which the provider knows by the id `coin`, and track it.

    Answers the codes nobody knows: all of them as long as the coin is unknown. Prices stored so far stay.
    """
    cursor = await connection.execute(
        """
        with rated as (
            update currencies set tracked = false, rate_coin_id = i.coin_id from coin_provider_ids i
            where code = any(%s) and i.provider_id = %s and i.provider_coin_id = %s returning code, rate_coin_id
        ), tracked as (
            update coins set tracked = true, untracked_at = null
            where id in (select rate_coin_id from rated) and not tracked
        )
        select code from rated
        """,
        (list(codes), provider_id, coin),
    )
    return _rest(codes, await cursor.fetchall())


async def drop_rates(connection: Connection, kept: Sequence[str]) -> None:
    """Store prices for the rate coin alone in no currency but these. Prices stored so far stay."""
    await connection.execute(
        "update currencies set rate_coin_id = null where rate_coin_id is not null and code <> all(%s)", (list(kept),)
    )


def _rest(codes: Sequence[str], found: Iterable[Sequence[str]]) -> list[str]:
    known = {row[0] for row in found}
    return [code for code in codes if code not in known]
