"""Coins: keyset pages over filters, look-ups, and the upsert of the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, LiteralString, NamedTuple

from psycopg import sql
from sqlalchemy import ColumnElement, exists, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from db.pool import Connection
from db.tables import coins, price_latest

# Coins without a rank come last.
_UNRANKED = 2147483647
_RANK = func.coalesce(coins.c.rank, _UNRANKED)


class CoinRow(NamedTuple):
    id: int
    slug: str
    symbol: str
    name: str
    status: str
    rank: int | None
    tracked: bool
    image_url: str | None


class CoinOrder(StrEnum):
    RANK = "RANK"
    NAME = "NAME"
    SLUG = "SLUG"


@dataclass(frozen=True, slots=True)
class CoinFilter:
    """All given conditions hold. `search` matches the beginning of a name, symbol or slug, whatever the case;
    `stale_since` finds coins without any price observed at or after that instant.
    """

    search: str | None = None
    symbol: str | None = None
    slugs: Sequence[str] | None = None
    tracked: bool | None = None
    stale_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A coin as a provider lists it."""

    provider_coin_id: str
    symbol: str
    name: str
    rank: int | None
    image_url: str | None


_NAMES = sql.SQL(", ").join(map(sql.Identifier, CoinRow._fields))
_COLUMNS = (
    coins.c.id,
    coins.c.slug,
    coins.c.symbol,
    coins.c.name,
    coins.c.status,
    coins.c.rank,
    coins.c.tracked,
    coins.c.image_url,
)
_SEARCHED = (coins.c.name, coins.c.symbol, coins.c.slug)
_KEYS: dict[CoinOrder, tuple[ColumnElement[Any], ...]] = {
    CoinOrder.RANK: (_RANK, coins.c.id),
    CoinOrder.NAME: (coins.c.name, coins.c.id),
    CoinOrder.SLUG: (coins.c.slug,),
}


def sort_key(order: CoinOrder, coin: CoinRow) -> list[str | int]:
    """Where the coin stands in the order: what a cursor holds."""
    if order is CoinOrder.SLUG:
        return [coin.slug]
    return [_UNRANKED if coin.rank is None else coin.rank, coin.id] if order is CoinOrder.RANK else [coin.name, coin.id]


async def list_coins(
    connection: AsyncConnection,
    where: CoinFilter,
    order: CoinOrder,
    limit: int,
    after: Sequence[str | int] | None,
) -> list[CoinRow]:
    """Up to `limit` coins behind the sort key `after`."""
    keys = _KEYS[order]
    query = select(*_COLUMNS).where(*_conditions(where)).order_by(*keys).limit(limit)
    if after is not None:
        query = query.where(tuple_(*keys) > tuple_(*after))
    return [CoinRow._make(row) for row in await connection.execute(query)]


async def count_coins(connection: AsyncConnection, where: CoinFilter) -> int:
    query = select(func.count()).select_from(coins).where(*_conditions(where))
    return (await connection.execute(query)).scalar_one()


def _conditions(where: CoinFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if where.search:
        # Lowered by PostgreSQL on both sides: Python's rules differ.
        prefix = func.lower(where.search)
        conditions.append(or_(*(func.starts_with(func.lower(column), prefix) for column in _SEARCHED)))
    if where.symbol is not None:
        conditions.append(func.lower(coins.c.symbol) == func.lower(where.symbol))
    if where.slugs is not None:
        conditions.append(coins.c.slug.in_(where.slugs))
    if where.tracked is not None:
        conditions.append(coins.c.tracked == where.tracked)
    if where.stale_since is not None:
        fresh = (price_latest.c.coin_id == coins.c.id) & (price_latest.c.observed_at >= where.stale_since)
        conditions.append(~exists().where(fresh))
    return conditions


async def read_coins(connection: Connection, slugs: Sequence[str]) -> dict[str, CoinRow]:
    """The coins that exist, by slug."""
    return {coin.slug: coin for coin in await _read(connection, "slug = any(%s)", list(slugs))}


async def read_coins_by_id(connection: Connection, ids: Sequence[int]) -> dict[int, CoinRow]:
    return {coin.id: coin for coin in await _read(connection, "id = any(%s)", list(ids))}


async def list_tracked(connection: Connection) -> list[CoinRow]:
    """Every coin that this installation refreshes."""
    return await _read(connection, "tracked = %s", True)


async def _read(connection: Connection, condition: LiteralString, value: object) -> list[CoinRow]:
    query = sql.SQL("select {} from coins where {} order by id").format(_NAMES, sql.SQL(condition))
    return [CoinRow._make(row) for row in await (await connection.execute(query, (value,))).fetchall()]


async def upsert_coins(connection: Connection, provider_id: int, entries: Sequence[CatalogueEntry]) -> None:
    """Add coins that a provider lists, or bring name, rank and picture up to date; a new coin is tracked.

    The slug is the provider's id at first sight and stays. The caller holds the transaction.
    """
    async with connection.cursor() as cursor:
        await cursor.executemany(
            """
            with known as (
                select coin_id from coin_provider_ids where provider_id = %(provider)s and provider_coin_id = %(id)s
            ), changed as (
                update coins set symbol = %(symbol)s, name = %(name)s, rank = %(rank)s, image_url = %(image)s
                where id = (select coin_id from known)
            ), added as (
                insert into coins (slug, symbol, name, rank, image_url, tracked)
                select %(id)s, %(symbol)s, %(name)s, %(rank)s, %(image)s, true where not exists (select from known)
                on conflict (slug) do nothing returning id
            )
            insert into coin_provider_ids (provider_id, provider_coin_id, coin_id)
            select %(provider)s, %(id)s, id from added
            """,
            [
                {
                    "provider": provider_id,
                    "id": entry.provider_coin_id,
                    "symbol": entry.symbol,
                    "name": entry.name,
                    "rank": entry.rank,
                    "image": entry.image_url,
                }
                for entry in entries
            ],
        )


async def suggest_coins(connection: Connection, inputs: Sequence[str]) -> dict[str, list[str]]:
    """For words that are no slugs: up to three coins of that symbol or name, the best ranked first."""
    cursor = await connection.execute(
        """
        select wanted.word, c.slug
        from unnest(%s::text[]) as wanted (word)
        cross join lateral (
            select slug from coins
            where lower(symbol) = lower(wanted.word) or lower(name) = lower(wanted.word) or slug = lower(wanted.word)
            order by coalesce(rank, 2147483647), id limit 3
        ) c
        """,
        (list(inputs),),
    )
    found: dict[str, list[str]] = {}
    for word, slug in await cursor.fetchall():
        found.setdefault(word, []).append(slug)
    return found
