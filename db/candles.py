"""What is stored, as candles, of many coins in one statement; and rows of something else in the same one."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from db.candle_query import CandleQuery
from db.pool import Connection
from db.series import Window


class Rows(NamedTuple):
    """A query of something else, whose rows are read in the same statement, and so in the same snapshot. Its parameters
    have names of their own.
    """

    query: str
    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Candles:
    """What is stored of one coin: the values of each column, and the starts of the buckets in `stamps`, ascending.

    A stamp is in seconds since 1970: no other form of a time is read as fast. Buckets of points that wait for a better
    answer begin at the stamps in `provisional`. `version` is None where the series has none. `as_of` is set by a
    replica: the time of the newest change that it knows of.
    """

    stamps: Sequence[float] = ()
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    provisional: Sequence[float] = ()
    version: int | None = None
    as_of: datetime | None = None

    def between(self, window: Window) -> Candles:
        """Those that begin inside."""
        first = bisect_left(self.stamps, window.start.timestamp())
        last = bisect_left(self.stamps, window.end.timestamp())
        if last - first == len(self.stamps):
            return self
        columns = {name: values[first:last] for name, values in self.columns.items()}
        return Candles(self.stamps[first:last], columns, self.provisional, self.version, self.as_of)


async def read_candles(connection: Connection, query: CandleQuery) -> dict[int, Candles]:
    """The candles of each coin that is wanted, of all of its windows that are to be read."""
    return (await read_candles_with(connection, query, None))[0]


async def read_candles_with(
    connection: Connection, query: CandleQuery, rows: Rows | None
) -> tuple[dict[int, Candles], list[tuple[Any, ...]]]:
    """The same, and rows of something else."""
    statement, parameters = query.statement(rows.query if rows else ""), query.parameters
    cursor = await connection.execute(statement, parameters | dict(rows.parameters if rows else ()), binary=True)
    found = await cursor.fetchall()
    behind = bisect_left(found, True, key=lambda row: row[0] is None)
    others = [row[-1] for row in found[behind:]]
    del found[behind:]
    coins = {one.coin_id for one in query.wanted}
    return {coin: _cut(found, coin, query) for coin in coins}, others


def _cut(rows: Sequence[tuple[Any, ...]], coin_id: int, query: CandleQuery) -> Candles:
    """The coin's part of the rows, which are in order of coin and time, as columns."""
    first = bisect_left(rows, coin_id, key=itemgetter(0))
    last = bisect_right(rows, coin_id, lo=first, key=itemgetter(0))
    behind = len(query.columns) + 2
    version, provisional, as_of = None, None, None
    if query.extras:
        version, provisional, as_of = orjson.loads(rows[first][behind])
        first += 1
    part = rows[first:last]
    stamps, *values = (list(map(itemgetter(place), part)) for place in range(1, behind))
    columns = dict(zip(query.columns, values, strict=True))
    return Candles(stamps, columns, provisional or (), version, as_of and datetime.fromtimestamp(as_of, UTC))
