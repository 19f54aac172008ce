"""The newest sample of each series, from the table that ingest keeps of them; and what was stored a day before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import starmap
from typing import NamedTuple

from psycopg import sql

from db.pool import Connection
from db.rates import MAX_RATE_AGE, RatePair, last_rate_of
from db.series import Granularity


class LatestRow(NamedTuple):
    """The newest sample of a series, whatever its bucket. `price_24h_ago` is what is stored of the hour nearest to 24
    hours earlier, if it was asked for. The rates, of a pair, are the last ones before either.
    """

    coin_id: int
    currency_id: int
    price: float
    market_cap: float | None
    volume_24h: float | None
    observed_at: datetime
    provider_id: int
    price_24h_ago: float | None
    rate_24h_ago: float | None = None
    rate: float | None = None
    rate_at: datetime | None = None


# Of tables that are called l and before.
_COLUMNS = sql.SQL(
    "l.coin_id, l.currency_id, l.price, l.market_cap, l.volume_24h, l.observed_at, l.provider_id, {} as price_24h_ago"
)
_DAY_BEFORE = sql.SQL("""
left join price_hourly before on before.coin_id = l.coin_id and before.currency_id = l.currency_id
    and before.ts = date_trunc('hour', l.observed_at - interval '23 hours 30 minutes', 'UTC')
""")
_WANTED = sql.SQL("where l.coin_id = any(%(coins)s) and l.currency_id = %(currency)s")


def select_latest(wanted: sql.Composable, *, day_before: bool) -> sql.Composed:
    """The statement of a LatestRow without rates; `wanted` says which rows of `price_latest l`, and may join.

    The hypertable is looked at for the day before alone.
    """
    columns = _COLUMNS.format(sql.SQL("before.price" if day_before else "null::float8"))
    joined = _DAY_BEFORE if day_before else sql.SQL("")
    return sql.SQL("select {} from price_latest l {} {}").format(columns, joined, wanted)


async def list_latest(
    connection: Connection, coin_ids: Sequence[int], currency_id: int, *, day_before: bool = False
) -> list[LatestRow]:
    """The newest sample of each series that has one."""
    query = select_latest(_WANTED, day_before=day_before)
    return await _list(connection, query, {"coins": list(coin_ids), "currency": currency_id})


# Many samples are of the same hour: its rate is looked for once.
_CONVERTED = sql.SQL("""
with latest as (
    {latest}
), timed as (
    select *, date_trunc('hour', observed_at, 'UTC') as hour,
           date_trunc('hour', observed_at - interval '23 hours 30 minutes', 'UTC') as hour_before
    from latest
), rated as (
    select h.hour, r.ts, r.rate
    from (select hour from timed union select hour_before from timed) h cross join lateral ({last_rate}) r
)
select t.coin_id, t.currency_id, t.price, t.market_cap, t.volume_24h, t.observed_at, t.provider_id, t.price_24h_ago,
       before.rate, r.rate, r.ts
from timed t
left join rated r on r.hour = t.hour and r.ts >= t.observed_at - {max_age}
left join rated before on before.hour = t.hour_before
""").format(
    latest=select_latest(_WANTED, day_before=True),
    last_rate=last_rate_of(
        Granularity.HOURLY,
        coin=sql.Placeholder("rate_coin"),
        base=sql.Placeholder("currency"),
        quote=sql.Placeholder("quote"),
        at=sql.SQL("h.hour"),
    ),
    max_age=sql.Literal(MAX_RATE_AGE),
)


async def list_converted(connection: Connection, coin_ids: Sequence[int], pair: RatePair) -> list[LatestRow]:
    """The newest sample of each series that has one, in the base currency of the pair, with its rates."""
    parameters: dict[str, object] = {
        "coins": list(coin_ids),
        "currency": pair.base_id,
        "rate_coin": pair.coin_id,
        "quote": pair.quote_id,
    }
    return await _list(connection, _CONVERTED, parameters)


async def _list(connection: Connection, query: sql.Composed, parameters: dict[str, object]) -> list[LatestRow]:
    cursor = await connection.execute(query, parameters, binary=True)
    return list(starmap(LatestRow, await cursor.fetchall()))
