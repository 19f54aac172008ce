"""Coins as they are read: keyset pages over filters, search, look-ups by what people call them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, LiteralString, NamedTuple

from psycopg import sql
from sqlalchemy import ColumnElement, Integer, Select, and_, case, cast, exists, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from db.pool import Connection
from db.tables import coins, price_latest

# Coins without a rank come last.
_UNRANKED = 2147483647
_RANK = func.coalesce(coins.c.rank, _UNRANKED)
# pg_trgm's own limit for `%` is 0.3, which lets much pass that has only an ending in common. One or two letters wrong
# in a name of eight leave 0.35 or more.
_LEAST_SIMILARITY = 0.35

Key = list[str | int]


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
    """RELEVANCE is the order of a search, and needs one."""

    RELEVANCE = "RELEVANCE"
    RANK = "RANK"
    NAME = "NAME"
    SLUG = "SLUG"


@dataclass(frozen=True, slots=True)
class CoinFilter:
    """All given conditions hold. `search` finds what begins with the text or resembles it, whatever the case;
    `stale_since` finds coins without any price observed at or after that instant.
    """

    search: str | None = None
    symbol: str | None = None
    slugs: Sequence[str] | None = None
    tracked: bool | None = None
    stale_since: datetime | None = None


class ListedCoin(NamedTuple):
    """A coin and where it stands in the order: what a cursor holds."""

    coin: CoinRow
    key: Key


_NAMES = sql.SQL(", ").join(sql.Identifier("c", name) for name in CoinRow._fields)
_COLUMNS = tuple(coins.c[name] for name in CoinRow._fields)
_NAME, _SYMBOL, _SLUG = (func.lower(coins.c[name]) for name in ("name", "symbol", "slug"))
_SEARCHED = (_NAME, _SYMBOL, _SLUG)
_KEYS: dict[CoinOrder, tuple[ColumnElement[Any], ...]] = {
    CoinOrder.RANK: (_RANK, coins.c.id),
    CoinOrder.NAME: (coins.c.name, coins.c.id),
    CoinOrder.SLUG: (coins.c.slug,),
}


async def list_coins(
    connection: AsyncConnection, where: CoinFilter, order: CoinOrder, limit: int, after: Key | None
) -> list[ListedCoin]:
    """Up to `limit` coins behind the sort key `after`."""
    rows = await connection.execute(select_coins(where, order, limit, after))
    width = len(_COLUMNS)
    return [ListedCoin(CoinRow._make(row[:width]), list(row[width:])) for row in rows]


def select_coins(where: CoinFilter, order: CoinOrder, limit: int, after: Key | None) -> Select[Any]:
    """The statement of `list_coins`: the coin's columns, then its sort key."""
    keys = _KEYS[order] if order is not CoinOrder.RELEVANCE else (_distance(where.search or ""), _RANK, coins.c.id)
    query = select(*_COLUMNS, *keys).where(*_conditions(where)).order_by(*keys).limit(limit)
    return query if after is None else query.where(tuple_(*keys) > tuple_(*after))


async def count_coins(connection: AsyncConnection, where: CoinFilter) -> int:
    query = select(func.count()).select_from(coins).where(*_conditions(where))
    return (await connection.execute(query)).scalar_one()


def _conditions(where: CoinFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if where.search:
        conditions.append(or_(_begins_with(where.search), *_resembles(where.search)))
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


def _begins_with(text: str) -> ColumnElement[bool]:
    # Lowered by PostgreSQL on both sides, for Python's rules differ. LIKE, because the trigram index serves it.
    prefix = func.lower(text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%")
    return or_(*(column.like(prefix) for column in _SEARCHED))


def _resembles(text: str) -> list[ColumnElement[bool]]:
    """A whole name or slug, or a word in the name. Symbols are too short to resemble anything."""
    word = func.lower(text)
    whole = [
        and_(column.bool_op("%")(word), func.similarity(column, word) >= _LEAST_SIMILARITY) for column in (_NAME, _SLUG)
    ]
    return [*whole, _NAME.bool_op("%>")(word)]


def _distance(search: str) -> ColumnElement[int]:
    """0: the very word, 1: the beginning of one, 2 and more: the less it resembles."""
    word = func.lower(search)
    nearness = func.greatest(
        func.similarity(_NAME, word), func.similarity(_SLUG, word), func.word_similarity(word, _NAME)
    )
    exact = or_(*(column == word for column in _SEARCHED))
    return case((exact, 0), (_begins_with(search), 1), else_=2 + cast(1000 * (1 - nearness), Integer))


async def read_coins(connection: Connection, slugs: Sequence[str]) -> dict[str, CoinRow]:
    """The coins that exist, by slug."""
    return {coin.slug: coin for coin in await _read(connection, "c.slug = any(%s)", list(slugs))}


async def read_coins_by_id(connection: Connection, ids: Sequence[int]) -> dict[int, CoinRow]:
    return {coin.id: coin for coin in await _read(connection, "c.id = any(%s)", list(ids))}


async def list_tracked(connection: Connection) -> list[CoinRow]:
    """Every coin that this installation refreshes by itself: tracked, and still listed by the provider.

    A coin that is no longer listed would cost a refused call at every refresh; its holes are filled once it is back.
    """
    return await _read(connection, "c.tracked and c.status = %s", "ACTIVE")


async def _read(connection: Connection, condition: LiteralString, value: object) -> list[CoinRow]:
    query = sql.SQL("select {} from coins c where {} order by c.id").format(_NAMES, sql.SQL(condition))
    return [CoinRow._make(row) for row in await (await connection.execute(query, (value,))).fetchall()]


async def read_provider_ids(connection: Connection, ids: Sequence[int]) -> dict[int, list[tuple[int, str]]]:
    """What the providers call the coins now: provider and its id, best provider first."""
    cursor = await connection.execute(
        """
        select i.coin_id, i.provider_id, i.provider_coin_id
        from coin_provider_ids i join providers p on p.id = i.provider_id
        where i.coin_id = any(%s) and not i.former order by p.rank
        """,
        (list(ids),),
    )
    found: dict[int, list[tuple[int, str]]] = {}
    for coin, provider, id_ in await cursor.fetchall():
        found.setdefault(coin, []).append((provider, id_))
    return found


_MATCHES = sql.SQL("""
with wanted as (
    select place, word, lower(word) as lowered from unnest(%(words)s::text[]) with ordinality w (word, place)
), found as (
    select w.place, c.id, case when c.slug = w.word then 1 else 3 end as level
    from wanted w join coins c on lower(c.slug) = w.lowered
    union all
    select w.place, i.coin_id, case when i.former then 4 when i.provider_coin_id = w.word then 2 else 3 end
    from wanted w join coin_provider_ids i on lower(i.provider_coin_id) = w.lowered
    union all
    select w.place, c.id, 5 from wanted w join coins c on lower(c.symbol) = w.lowered
    union all
    select w.place, c.id, 5 from wanted w join coins c on lower(c.name) = w.lowered
), best as (
    select distinct place, id from (
        select place, id, rank() over (partition by place order by level) as standing from found
    ) f where standing = 1
), ordered as (
    select b.place, c.*,
           row_number() over (partition by b.place order by coalesce(c.rank, {unranked}), c.id) as standing
    from best b join coins c on c.id = b.id
)
select c.place, {columns} from ordered c where c.standing <= %(limit)s order by c.place, c.standing
""").format(unranked=sql.Literal(_UNRANKED), columns=_NAMES)


async def match_coins(connection: Connection, words: Sequence[str], limit: int) -> dict[str, list[CoinRow]]:
    """What these words may mean: up to `limit` coins for each word that means anything, the best ranked first.

    The first of these levels that finds something decides: the slug as written, a provider's id as written, either of
    them in any case, an id that a provider used before, symbol or name.
    """
    cursor = await connection.execute(_MATCHES, {"words": list(words), "limit": limit})
    found: dict[str, list[CoinRow]] = {}
    for place, *row in await cursor.fetchall():
        found.setdefault(words[place - 1], []).append(CoinRow._make(row))
    return found
