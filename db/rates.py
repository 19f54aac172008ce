"""Exchange rates, from a coin that is stored in both currencies: its price in one by its price in the other."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from psycopg import sql

from db.series import Granularity, Series

# Over a hole in the rate's own series the last rate before it stands in, for so long; then there is no value.
MAX_RATE_AGE = timedelta(days=3)


class RatePair(NamedTuple):
    """From `base_id` to `quote_id`, through the coin."""

    coin_id: int
    base_id: int
    quote_id: int

    @property
    def based(self) -> Series:
        return Series(self.coin_id, self.base_id)

    @property
    def rated(self) -> Series:
        return Series(self.coin_id, self.quote_id)


class Rate(NamedTuple):
    """How much of the quote currency one of the base currency is worth, at the start of a bucket."""

    ts: datetime
    rate: float


_LAST_RATE = sql.SQL("""
select q.ts, q.price / b.price as rate
from {table} q join {table} b on b.coin_id = q.coin_id and b.currency_id = {base} and b.ts = q.ts
where q.coin_id = {coin} and q.currency_id = {quote} and q.ts <= {at} and q.ts >= {at} - {max_age}
order by q.ts desc limit 1
""")


def last_rate_of(
    granularity: Granularity, *, coin: sql.Composable, base: sql.Composable, quote: sql.Composable, at: sql.Composable
) -> sql.Composed:
    """The query of the newest Rate that is no later than `at` and not too old; ids and time as expressions."""
    return _LAST_RATE.format(
        table=sql.Identifier(granularity.table),
        coin=coin,
        base=base,
        quote=quote,
        at=at,
        max_age=sql.Literal(MAX_RATE_AGE),
    )
