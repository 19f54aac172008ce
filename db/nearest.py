"""The stored sample nearest to an instant, for many series and instants at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from psycopg import sql

from db.pool import Connection
from db.rates import Rate, RatePair, last_rate_of
from db.series import Granularity, Series


@dataclass(frozen=True, slots=True)
class Lookup:
    """No sample further than `tolerance` from `at` is an answer. With a pair, the rate of its bucket is wanted too."""

    series: Series
    at: datetime
    tolerance: timedelta
    pair: RatePair | None = None


class NearestRow(NamedTuple):
    """`rate`: None without a pair, and where there is none that is not too old."""

    ts: datetime
    price: float
    observed_at: datetime
    provider_id: int
    granularity: Granularity
    rate: Rate | None


def _rate_in(granularity: Granularity) -> sql.Composed:
    coin, base, quote, at = map(sql.SQL, ("w.rate_coin_id", "w.currency_id", "w.quote_id", "n.ts"))
    return last_rate_of(granularity, coin=coin, base=base, quote=quote, at=at)


# Before and after the instant, in either store: four index look-ups. A sample lies within half an hour of its bucket's
# start, so the buckets to look at reach that much further than the tolerance.
_NEAREST = sql.SQL("""
select w.place, r.ts, r.rate, n.ts, n.price, n.observed_at, n.provider_id, n.granularity
from unnest(%(coins)s::int[], %(currencies)s::smallint[], %(instants)s::timestamptz[], %(tolerances)s::interval[],
            %(rate_coins)s::int[], %(quotes)s::smallint[])
    with ordinality as w (coin_id, currency_id, at, tolerance, rate_coin_id, quote_id, place)
cross join lateral (
    select * from (
        (select p.ts, p.price, p.observed_at, p.provider_id, 'HOURLY' as granularity from price_hourly p
         where p.coin_id = w.coin_id and p.currency_id = w.currency_id
           and p.ts <= w.at and p.ts >= w.at - w.tolerance - interval '30 minutes' order by p.ts desc limit 1)
        union all
        (select p.ts, p.price, p.observed_at, p.provider_id, 'HOURLY' from price_hourly p
         where p.coin_id = w.coin_id and p.currency_id = w.currency_id
           and p.ts > w.at and p.ts <= w.at + w.tolerance + interval '30 minutes' order by p.ts limit 1)
        union all
        (select p.ts, p.price, p.observed_at, p.provider_id, 'DAILY' from price_daily p
         where p.coin_id = w.coin_id and p.currency_id = w.currency_id
           and p.ts <= w.at and p.ts >= w.at - w.tolerance - interval '30 minutes' order by p.ts desc limit 1)
        union all
        (select p.ts, p.price, p.observed_at, p.provider_id, 'DAILY' from price_daily p
         where p.coin_id = w.coin_id and p.currency_id = w.currency_id
           and p.ts > w.at and p.ts <= w.at + w.tolerance + interval '30 minutes' order by p.ts limit 1)
    ) candidates
    where observed_at between w.at - w.tolerance and w.at + w.tolerance
    order by abs(extract(epoch from observed_at - w.at)), granularity desc, ts
    limit 1
) n
left join lateral (
    select * from ({hourly_rate}) hourly where n.granularity = 'HOURLY'
    union all
    select * from ({daily_rate}) daily where n.granularity = 'DAILY'
) r on true
""").format(hourly_rate=_rate_in(Granularity.HOURLY), daily_rate=_rate_in(Granularity.DAILY))


async def list_nearest(connection: Connection, lookups: Sequence[Lookup]) -> list[NearestRow | None]:
    """One answer per look-up, in order; the hourly sample where both stores have one equally near."""
    parameters = {
        "coins": [one.series.coin_id for one in lookups],
        "currencies": [one.series.currency_id for one in lookups],
        "instants": [one.at for one in lookups],
        "tolerances": [one.tolerance for one in lookups],
        "rate_coins": [one.pair and one.pair.coin_id for one in lookups],
        "quotes": [one.pair and one.pair.quote_id for one in lookups],
    }
    found: dict[int, NearestRow] = {}
    cursor = await connection.execute(_NEAREST, parameters, binary=True)
    for place, rated_at, rate, ts, price, observed_at, provider, granularity in await cursor.fetchall():
        rated = Rate(rated_at, rate) if rate else None
        found[place - 1] = NearestRow(ts, price, observed_at, provider, Granularity(granularity), rated)
    return [found.get(place) for place in range(len(lookups))]
