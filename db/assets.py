"""What can be held: coins, and money."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from psycopg import sql

from db.coins import COIN_COLUMNS, CoinRow
from db.currencies import CURRENCY_COLUMNS, CurrencyRow
from db.pool import Connection


class AssetRow(NamedTuple):
    """Either a coin or a currency."""

    id: int
    coin: CoinRow | None
    currency: CurrencyRow | None


_ADD = sql.SQL("""
insert into assets ({column}) select distinct given from unnest(%(ids)s::int[]) given
where not exists (select from assets where {column} = given) order by given on conflict ({column}) do nothing
""")
_FIND = sql.SQL("select {column}, id from assets where {column} = any(%(ids)s)")
_READ = sql.SQL("""
select a.id, {}, {} from assets a left join coins c on c.id = a.coin_id left join currencies y on y.id = a.currency_id
where a.id = any(%s)
""").format(COIN_COLUMNS, CURRENCY_COLUMNS)
_CURRENCY = 1 + len(CoinRow._fields)


async def assets_of_coins(connection: Connection, coin_ids: Sequence[int]) -> dict[int, int]:
    """The asset of each coin, by the coin's id; made where there was none."""
    return await _assets_of(connection, "coin_id", coin_ids)


async def assets_of_currencies(connection: Connection, currency_ids: Sequence[int]) -> dict[int, int]:
    """The asset that is money of each currency, by the currency's id; made where there was none."""
    return await _assets_of(connection, "currency_id", currency_ids)


async def read_assets(connection: Connection, ids: Sequence[int]) -> dict[int, AssetRow]:
    found: dict[int, AssetRow] = {}
    for id_, *row in await (await connection.execute(_READ, (list(ids),))).fetchall():
        coin, currency = row[: _CURRENCY - 1], row[_CURRENCY - 1 :]
        found[id_] = AssetRow(
            id_,
            CoinRow._make(coin) if coin[0] is not None else None,
            CurrencyRow._make(currency) if currency[0] is not None else None,
        )
    return found


async def _assets_of(connection: Connection, column: str, ids: Sequence[int]) -> dict[int, int]:
    # Two statements: only a later one sees what somebody else is just adding.
    name, given = sql.Identifier(column), {"ids": list(ids)}
    await connection.execute(_ADD.format(column=name), given)
    return dict(await (await connection.execute(_FIND.format(column=name), given)).fetchall())
