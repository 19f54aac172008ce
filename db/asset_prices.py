"""What an asset was worth at an instant, exactly: the newest price then known, and the newest rate.

A price counts from its time until the next one, for MAX_PRICE_AGE at most; a rate likewise, for MAX_RATE_AGE. What is
later than the instant never counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from psycopg import sql

from db.pool import Connection
from db.rates import MAX_RATE_AGE, RatePair

MAX_PRICE_AGE = timedelta(hours=26)


class AssetQuote(NamedTuple):
    """How an asset gets its price: what is stored of the coin in the currency, times the rate of the pair.

    Without a coin it is money, and the rate is all; without a pair, too, it is money of the currency wanted.
    """

    asset_id: int
    coin_id: int | None = None
    currency_id: int | None = None
    pair: RatePair | None = None


class AssetPrice(NamedTuple):
    """Times are of stored points: the starts of their buckets, or when a latest price was seen.

    `priced_at`: None of money, which has a rate at most.
    """

    price: Decimal
    priced_at: datetime | None
    rated_at: datetime | None


# For statements of others that go on from here, with the parameters of `quote_parameters`. Instants are places, from 1,
# in the parameter `instants`, whose times ascend. `pair` in quotes is the number of one in pairs.
QUOTES = """
quotes as (
    select * from unnest(%(assets)s::int[], %(coins)s::int[], %(currencies)s::smallint[], %(pairs)s::bigint[])
        as q (asset_id, coin_id, currency_id, pair)
), pairs as (
    select * from unnest(%(rate_coins)s::int[], %(bases)s::smallint[], %(rate_quotes)s::smallint[])
        with ordinality as p (coin_id, base_id, quote_id, pair)
)
"""
# Each point holds until the next one, or grows too old. Of those of one time the preferred one comes last, so that the
# others hold for no time at all.
_SPREAD = """
select g.place, h.at, h.figure
from (select at, figure, lead(at, 1, 'infinity') over (order by at, preference desc) as next from ({points}) p) h
cross join lateral generate_series(
    greatest(s.first, width_bucket(h.at - interval '1 microsecond', %(instants)s::timestamptz[]) + 1),
    least(s.last, width_bucket(
        least(h.next - interval '1 microsecond', h.at + %({age})s::interval), %(instants)s::timestamptz[]))
) g (place)
"""
# The bounds that need no span let TimescaleDB leave out chunks before it begins.
_WITHIN = """
{ts} >= (%(instants)s::timestamptz[])[s.first] - %({age})s::interval and {ts} <= (%(instants)s::timestamptz[])[s.last]
and {ts} >= %(from)s::timestamptz - %({age})s::interval and {ts} <= %(until)s::timestamptz
"""
_PRICE = """
select p.ts as at, p.price as figure, {preference} as preference from {table} p
where p.coin_id = s.coin_id and p.currency_id = s.currency_id and {within}
"""
_LATEST = """
select l.observed_at, l.price, 3 from price_latest l
where l.coin_id = s.coin_id and l.currency_id = s.currency_id and {within}
"""
_RATE = """
select b.ts as at, array[q.price, b.price] as figure, {preference} as preference
from {table} b join {table} q on q.coin_id = b.coin_id and q.currency_id = s.quote_id and q.ts = b.ts
where b.coin_id = s.coin_id and b.currency_id = s.base_id and {within_base} and {within_quote}
"""
# The daily store is preferred, then the hourly one.
_STORES = (("price_daily", 1), ("price_hourly", 2))


def _price_points() -> str:
    within = _WITHIN.format(ts="p.ts", age="max_price_age")
    stores = [_PRICE.format(table=table, preference=preference, within=within) for table, preference in _STORES]
    latest = _LATEST.format(within=_WITHIN.format(ts="l.observed_at", age="max_price_age"))
    return " union all ".join([*stores, latest])


def _rate_points() -> str:
    base, quote = (_WITHIN.format(ts=ts, age="max_rate_age") for ts in ("b.ts", "q.ts"))
    return " union all ".join(
        _RATE.format(table=table, preference=preference, within_base=base, within_quote=quote)
        for table, preference in _STORES
    )


# `priced`: of each of the `spans` (asset_id, coin_id, currency_id, first, last), the price at those places from `first`
# through `last` that have one.
PRICES = f"""
priced as (
    select s.asset_id, h.place, h.at, h.figure as price
    from spans s cross join lateral ({_SPREAD.format(points=_price_points(), age="max_price_age")}) h
)
"""  # noqa: S608 - of this module's own texts
# `rated`: likewise of the `rate_spans` (pair, coin_id, base_id, quote_id, first, last). A quotient gets the decimals of
# its dividend; no stored price has more than 57.
RATES = f"""
rated as (
    select s.pair, h.place, h.at,
           round(round(h.figure[1]::text::numeric, 60) / h.figure[2]::text::numeric, 18) as rate
    from rate_spans s cross join lateral ({_SPREAD.format(points=_rate_points(), age="max_rate_age")}) h
)
"""  # noqa: S608
_PRICE_ASSETS = f"""
with {QUOTES}, wanted as (
    select w.number, w.place, q.* from unnest(%(wanted)s::int[], %(places)s::int[])
        with ordinality as w (asset_id, place, number) join quotes q using (asset_id)
), spans as (
    select distinct asset_id, coin_id, currency_id, place as first, place as last from wanted where coin_id is not null
), rate_spans as (
    select distinct p.pair, p.coin_id, p.base_id, p.quote_id, w.place as first, w.place as last
    from wanted w join pairs p on p.pair = w.pair
), {PRICES}, {RATES}
select w.number, coalesce(p.price::text::numeric, 1) * coalesce(r.rate, 1), p.at, r.at
from wanted w
left join priced p on p.asset_id = w.asset_id and p.place = w.place
left join rated r on r.pair = w.pair and r.place = w.place
where (w.coin_id is null or p.price is not null) and (w.pair is null or r.rate is not null)
"""  # noqa: S608


def quote_parameters(quotes: Sequence[AssetQuote], instants: Sequence[datetime]) -> dict[str, object]:
    """What QUOTES, PRICES and RATES need. The instants ascend; there is at least one."""
    pairs = list(dict.fromkeys(quote.pair for quote in quotes if quote.pair))
    numbers = {pair: number for number, pair in enumerate(pairs, 1)}
    return {
        "assets": [quote.asset_id for quote in quotes],
        "coins": [quote.coin_id for quote in quotes],
        "currencies": [quote.currency_id for quote in quotes],
        "pairs": [quote.pair and numbers[quote.pair] for quote in quotes],
        "rate_coins": [pair.coin_id for pair in pairs],
        "bases": [pair.base_id for pair in pairs],
        "rate_quotes": [pair.quote_id for pair in pairs],
        "instants": list(instants),
        "from": instants[0],
        "until": instants[-1],
        "max_price_age": MAX_PRICE_AGE,
        "max_rate_age": MAX_RATE_AGE,
    }


async def price_assets(
    connection: Connection, quotes: Sequence[AssetQuote], wanted: Sequence[tuple[int, datetime]]
) -> list[AssetPrice | None]:
    """The price of each asset at its instant, in order; None where there is none, or no quote for the asset."""
    if not wanted:
        return []
    instants = sorted({at for _, at in wanted})
    places = {at: place for place, at in enumerate(instants, 1)}
    parameters = quote_parameters(quotes, instants) | {
        "wanted": [asset for asset, _ in wanted],
        "places": [places[at] for _, at in wanted],
    }
    found: list[AssetPrice | None] = [None] * len(wanted)
    cursor = await connection.execute(sql.SQL(_PRICE_ASSETS), parameters, binary=True)
    for number, *row in await cursor.fetchall():
        found[number - 1] = AssetPrice._make(row)
    return found
