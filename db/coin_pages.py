"""Coins as they are listed: keyset pages over filters, and search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from psycopg import sql

from db.coins import COIN_COLUMNS, UNRANKED, CoinRow
from db.companions import Accompanied, Companions, accompany, read_accompanied
from db.pool import Connection
from db.rows import name_columns

# pg_trgm's own limit for `%` is 0.3, which lets much pass that has only an ending in common. One or two letters wrong
# in a name of eight leave 0.35 or more.
_LEAST_SIMILARITY = 0.35

Key = list[str | int]


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

    @property
    def given(self) -> frozenset[str]:
        """The names of the conditions; an empty search is none."""
        values = {name: getattr(self, name) for name in _CONDITIONS}
        return frozenset(name for name, value in values.items() if value is not None and (name != "search" or value))

    @property
    def parameters(self) -> dict[str, object]:
        escaped = (self.search or "").replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        return {
            "search": self.search,
            "prefix": f"{escaped}%",
            "symbol": self.symbol,
            "slugs": None if self.slugs is None else list(self.slugs),
            "tracked": self.tracked,
            "stale_since": self.stale_since,
        }


# A coin and where it stands in the order: what a cursor holds.
ListedCoin = tuple[CoinRow, Sequence[Any]]


_RANK = sql.SQL("coalesce(c.rank, {})").format(UNRANKED)
# Lowered by PostgreSQL on both sides, for Python's rules differ. LIKE, because the trigram index serves it.
_BEGINS_WITH = """
lower(c.name) like lower(%(prefix)s) or lower(c.symbol) like lower(%(prefix)s) or lower(c.slug) like lower(%(prefix)s)
"""
# A whole name or slug, or a word in the name. Symbols are too short to resemble anything.
_RESEMBLES = """
lower(c.name) %% lower(%(search)s) and similarity(lower(c.name), lower(%(search)s)) >= {least}
or lower(c.slug) %% lower(%(search)s) and similarity(lower(c.slug), lower(%(search)s)) >= {least}
or lower(c.name) %%> lower(%(search)s)
"""
_CONDITIONS = {
    "search": sql.SQL(f"({_BEGINS_WITH} or {_RESEMBLES})").format(least=_LEAST_SIMILARITY),
    "symbol": sql.SQL("lower(c.symbol) = lower(%(symbol)s)"),
    "slugs": sql.SQL("c.slug = any(%(slugs)s)"),
    "tracked": sql.SQL("c.tracked = %(tracked)s"),
    "stale_since": sql.SQL(
        "not exists (select from price_latest l where l.coin_id = c.id and l.observed_at >= %(stale_since)s)"
    ),
}
# 0: the very word, 1: the beginning of one, 2 and more: the less it resembles.
_DISTANCE = sql.SQL(f"""
case when lower(%(search)s) in (lower(c.name), lower(c.symbol), lower(c.slug)) then 0
     when {_BEGINS_WITH} then 1
     else 2 + (1000 * (1 - greatest(similarity(lower(c.name), lower(%(search)s)),
                                    similarity(lower(c.slug), lower(%(search)s)),
                                    word_similarity(lower(%(search)s), lower(c.name)))))::int
end
""")
_ID = sql.SQL("c.id")
_KEYS: dict[CoinOrder, tuple[sql.Composable, ...]] = {
    CoinOrder.RELEVANCE: (_DISTANCE, _RANK, _ID),
    CoinOrder.RANK: (_RANK, _ID),
    CoinOrder.NAME: (sql.SQL("c.name"), _ID),
    CoinOrder.SLUG: (sql.SQL("c.slug"),),
}


async def list_coins(
    connection: Connection,
    where: CoinFilter,
    order: CoinOrder,
    limit: int,
    after: Key | None,
    companions: Companions,
) -> tuple[list[ListedCoin], Accompanied]:
    """Up to `limit` coins behind the sort key `after`, and what comes along."""
    statement = _page_statement(where.given, order, after is not None, limit, companions.day_before)
    keys = {f"after_{place}": part for place, part in enumerate(after or [])}
    found = await read_accompanied(connection, statement, where.parameters | keys, companions)
    width = len(CoinRow._fields)
    coins = name_columns(CoinRow, [row[:width] for row in found.coins])
    return list(zip(coins, [row[width:] for row in found.coins], strict=True)), found


async def count_coins(connection: Connection, where: CoinFilter) -> int:
    query = sql.SQL("select count(*) from coins c where {}").format(_all_of(where.given))
    row = await (await connection.execute(query, where.parameters)).fetchone()
    return row[0] if row else 0


def select_coins(given: frozenset[str], order: CoinOrder, limit: int, *, behind: bool) -> sql.Composed:
    """The coin's columns, then its sort key; `behind` a key that is given.

    The limit is no parameter: what comes along is planned by it.
    """
    keys = sql.SQL(", ").join(_KEYS[order])
    conditions = _all_of(given)
    if behind:
        after = sql.SQL(", ").join(sql.Placeholder(f"after_{place}") for place in range(len(_KEYS[order])))
        conditions = sql.SQL("{} and ({}) > ({})").format(conditions, keys, after)
    named = sql.SQL(", ").join(
        sql.SQL("{} as {}").format(key, sql.Identifier(f"key_{place}")) for place, key in enumerate(_KEYS[order])
    )
    return sql.SQL("select {}, {} from coins c where {} order by {} limit {}").format(
        COIN_COLUMNS, named, conditions, keys, limit
    )


@lru_cache(maxsize=256)
def _page_statement(given: frozenset[str], order: CoinOrder, behind: bool, limit: int, day_before: bool) -> bytes:
    return accompany(select_coins(given, order, limit, behind=behind), day_before=day_before)


def _all_of(given: frozenset[str]) -> sql.Composed:
    return sql.SQL(" and ").join([sql.SQL("true"), *(_CONDITIONS[name] for name in sorted(given))])
