"""Coins, and look-ups by what people call them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString, NamedTuple

from psycopg import sql

from db.pool import Connection

# Coins without a rank come last.
UNRANKED = sql.Literal(2147483647)


class CoinRow(NamedTuple):
    id: int
    slug: str
    symbol: str
    name: str
    status: str
    rank: int | None
    tracked: bool
    image_url: str | None


# Of a table that is called c.
COIN_COLUMNS = sql.SQL(", ").join(sql.Identifier("c", name) for name in CoinRow._fields)


async def read_coins_by_id(connection: Connection, ids: Sequence[int]) -> dict[int, CoinRow]:
    """Without those that do not exist, be they larger than any id."""
    return {coin.id: coin for coin in await _read(connection, "c.id = any(%s::bigint[])", list(ids))}


async def list_tracked(connection: Connection) -> list[CoinRow]:
    """Every coin that this installation refreshes by itself: tracked, and still listed by the provider.

    A coin that is no longer listed would cost a refused call at every refresh; its holes are filled once it is back.
    """
    return await _read(connection, "c.tracked and c.status = %s", "ACTIVE")


async def _read(connection: Connection, condition: LiteralString, value: object) -> list[CoinRow]:
    query = sql.SQL("select {} from coins c where {} order by c.id").format(COIN_COLUMNS, sql.SQL(condition))
    return [CoinRow._make(row) for row in await (await connection.execute(query, (value,))).fetchall()]


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
""").format(unranked=UNRANKED, columns=COIN_COLUMNS)


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
