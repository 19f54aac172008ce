"""Exchange rates, from a coin that is stored in both currencies: its price in one by its price in the other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg import sql

from db.pool import Connection
from db.series import Granularity, Window


class RatePair(NamedTuple):
    """From `base_id` to `quote_id`, through the coin."""

    coin_id: int
    base_id: int
    quote_id: int


class Rate(NamedTuple):
    """How much of the quote currency one of the base currency is worth, at the start of a bucket."""

    ts: datetime
    rate: float


# A look-up per window, with its bounds as parameters: only so does TimescaleDB leave out the other windows' chunks.
_RATES = sql.SQL("""
select r.ts, r.rate
from unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) as w (start, until)
cross join lateral (
    select p.ts, max(p.price) filter (where p.currency_id = %(quote)s)
                 / max(p.price) filter (where p.currency_id = %(base)s) as rate
    from {table} p
    where p.coin_id = %(coin)s and p.currency_id in (%(base)s, %(quote)s) and p.ts >= w.start and p.ts < w.until
    group by p.ts having count(*) = 2
) r
order by r.ts
""")


async def list_rates(
    connection: Connection, pair: RatePair, granularity: Granularity, windows: Sequence[Window]
) -> list[Rate]:
    """The rate of every bucket, inside windows that do not overlap, in which the coin is stored in both currencies."""
    parameters = {
        "coin": pair.coin_id,
        "base": pair.base_id,
        "quote": pair.quote_id,
        "starts": [window.start for window in windows],
        "ends": [window.end for window in windows],
    }
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_RATES.format(table=sql.Identifier(granularity.table)), parameters)
        return [Rate._make(row) for row in await cursor.fetchall()]
