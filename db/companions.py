"""Coins and what most requests need along with them, in one statement: currencies, and latest prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from psycopg import sql

from db.coins import COIN_COLUMNS
from db.currencies import SELECT_STORED, CurrencyRow
from db.latest import LatestRow, select_latest
from db.pool import Connection
from db.rows import name_columns


@dataclass(frozen=True, slots=True)
class Companions:
    """What comes along beside the stored currencies: latest prices in those that are tracked and have these codes;
    `day_before` says whether those of a day before come too.
    """

    latest_in: Sequence[str] = ()
    day_before: bool = False


ALONE = Companions()


class Accompanied(NamedTuple):
    """`coins` as they were selected. A coin without a latest price has no row in `latest`."""

    coins: list[tuple[Any, ...]]
    currencies: list[CurrencyRow]
    latest: list[LatestRow]


# Three lists side by side: a row holds the next item of each, as long as it has any; the last column of an item is its
# number.
_SIDE_BY_SIDE = sql.SQL("""
with listed as materialized ({coins})
select place, c.*, y.*, l.*
from (select *, row_number() over () as place from listed) c
full join (select *, row_number() over () as place from ({currencies}) q) y using (place)
full join (select *, row_number() over () as place from ({latest}) q) l using (place)
order by 1
""")
_NO_RATES = tuple(LatestRow._field_defaults.values())
# Where they begin, from the end.
_LATEST = -1 - (len(LatestRow._fields) - len(_NO_RATES))
_CURRENCY = _LATEST - 1 - len(CurrencyRow._fields)
_OF_LISTED = sql.SQL("""
join listed on listed.id = l.coin_id join currencies y on y.id = l.currency_id
where y.tracked and y.code = any(%(latest_in)s)
""")
_BY_SLUG = sql.SQL("select {} from coins c where c.slug = any(%(slugs)s) order by c.id").format(COIN_COLUMNS)


async def read_by_slug(connection: Connection, slugs: Sequence[str], companions: Companions) -> Accompanied:
    """The coins that exist, in the order of their ids."""
    return await read_accompanied(connection, _by_slug(companions.day_before), {"slugs": list(slugs)}, companions)


@cache
def _by_slug(day_before: bool) -> bytes:
    return accompany(_BY_SLUG, day_before=day_before)


def accompany(coins: sql.Composable, *, day_before: bool) -> bytes:
    """The statement for `coins` with companions. To put it together takes as long as to run it: keep it."""
    latest = select_latest(_OF_LISTED, day_before=day_before)
    return _SIDE_BY_SIDE.format(coins=coins, currencies=SELECT_STORED, latest=latest).as_bytes()


async def read_accompanied(
    connection: Connection, statement: bytes, parameters: Mapping[str, object], companions: Companions
) -> Accompanied:
    """What a statement that `accompany` made answers."""
    given = {"latest_in": list(companions.latest_in), **parameters}
    cursor = await connection.execute(statement, given, binary=True)
    rows = await cursor.fetchall()
    return Accompanied(
        [row[1 : _CURRENCY - 1] for row in rows if row[_CURRENCY - 1]],
        name_columns(CurrencyRow, [row[_CURRENCY : _LATEST - 1] for row in rows if row[_LATEST - 1]]),
        name_columns(LatestRow, [row[_LATEST:-1] + _NO_RATES for row in rows if row[-1]]),
    )
