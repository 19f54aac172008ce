"""What a portfolio was worth at many instants: positions times prices times rates, summed by the database, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from db.asset_prices import PRICES, QUOTES, RATES, AssetQuote, quote_parameters
from db.holdings import POSITIONS, place_parameters
from db.pool import Connection
from db.series import DAY, HOUR, floor


class Worth(NamedTuple):
    """`known`: what the priced holdings are worth; `priced` says that they all are.

    `priced_at`: the time of the oldest price or rate that was used; None when none was.
    """

    known: Decimal
    priced: bool
    priced_at: datetime | None


# Of each asset, over all accounts: how much, and in how many accounts. Nothing is a step, too.
_STEPS = """
steps as materialized (
    select asset_id, first, lead(first, 1, %(count)s + 1) over asset - 1 as last, quantity, holders
    from (
        select asset_id, first, sum(sum(quantity)) over changes as quantity, sum(sum(holders)) over changes as holders
        from (
            select asset_id, first, quantity, 1 as holders from positions where quantity <> 0
            union all
            select asset_id, last + 1, -quantity, -1 from positions where quantity <> 0 and last < %(count)s
        ) moves
        group by asset_id, first
        window changes as (partition by asset_id order by first)
    ) summed
    window asset as (partition by asset_id order by first)
)
"""
# A stored point at the very instant is the answer: nothing is newer, and of the two stores the daily one is preferred.
# Most are of that kind, so they are multiplied and summed as they are read: nothing else may be done for each of them.
_EXACT = """
histories as (
    select asset_id, min(since) as since, array_agg(since) as starts, array_agg(quantity) as quantities
    from (
        select asset_id, (%(instants)s::timestamptz[])[first] as since,
               case when holders > 0 then quantity end as quantity
        from steps order by asset_id, first
    ) s
    group by asset_id
), coins as materialized (
    select q.asset_id, q.coin_id, q.currency_id, q.pair, h.since, h.starts, h.quantities
    from histories h join quotes q using (asset_id) where q.coin_id is not null
), exact as materialized (
    select p.ts, c.pair, sum(c.quantities[width_bucket(p.ts, c.starts)] * p.price::text::numeric) as value
    from coins c cross join lateral ({stored}) p
    group by p.ts, c.pair
)
"""
_STORED = """
select p.ts, p.price from {table} p
where p.coin_id = c.coin_id and p.currency_id = c.currency_id and p.ts >= c.since
  and p.ts >= %(from)s::timestamptz and p.ts <= %(until)s::timestamptz
"""
_DAILY = _STORED.format(table="price_daily")
_BOTH = _DAILY + " union all " + _STORED.format(table="price_hourly") + " and p.ts <> date_trunc('day', p.ts, 'UTC')"
# Instants that begin no hour lie between the points, so of those there is nothing to multiply at once.
_NONE = "select null::timestamptz as ts, null::float8 as price where false"
# Where points do not follow each other `step` by step, the instants between them are looked at one by one. Gaps beside
# each other are read as one span.
_GAPS = """
stored as materialized (
    select c.*, p.oldest, p.newest, p.points
    from coins c
    cross join lateral (select min(ts) as oldest, max(ts) as newest, count(*) as points from ({stored}) p) p
), gaps as materialized (
    select g.asset_id, width_bucket(g.since, %(instants)s::timestamptz[]) + 1 as first,
           width_bucket(g.until - interval '1 microsecond', %(instants)s::timestamptz[]) as last
    from (
        select asset_id, since - interval '1 microsecond' as since,
               coalesce(oldest, %(until)s + interval '1 microsecond') as until from stored
        union all
        select asset_id, newest, %(until)s + interval '1 microsecond' from stored
        union all
        select c.asset_id, p.before, p.ts
        from stored c
        cross join lateral (select ts, lag(ts) over (order by ts) as before from ({stored}) p) p
        where c.oldest + c.points * %(step)s::interval <= c.newest and p.before + %(step)s::interval < p.ts
    ) g
), spans as (
    select g.asset_id, q.coin_id, q.currency_id, min(g.first) as first, max(g.last) as last
    from gaps g join quotes q using (asset_id) where g.first <= g.last
    group by g.asset_id, q.coin_id, q.currency_id, g.first / 16
), missed as (
    select s.asset_id, s.quantity, i.place
    from gaps g join steps s on s.asset_id = g.asset_id and s.holders > 0 and s.first <= g.last and s.last >= g.first
    cross join lateral generate_series(greatest(g.first, s.first), least(g.last, s.last)) i (place)
), rate_spans as (
    select pair, coin_id, base_id, quote_id, 1 as first, %(count)s::int as last from pairs
)
"""
# What the portfolio is made of at each instant, before any rate; a part without a value has no price.
_PARTS = """
parts as (
    select place, pair, value, ts as priced_at
    from (select *, width_bucket(ts, %(instants)s::timestamptz[]) as place from exact) e
    where value is not null and (%(instants)s::timestamptz[])[place] = ts
    union all
    select m.place, q.pair, m.quantity * p.price::text::numeric, p.at
    from missed m join quotes q using (asset_id)
    left join priced p on p.asset_id = m.asset_id and p.place = m.place
    union all
    select i.place, q.pair, case when q.asset_id is not null then s.quantity end, null
    from steps s left join quotes q using (asset_id) cross join lateral generate_series(s.first, s.last) i (place)
    where q.coin_id is null and s.holders > 0
)
"""
_WORTH = """
with {ctes}
select place, coalesce(sum(value * rate), 0), bool_and(value * rate is not null),
       min(least(priced_at, rated_at)) filter (where value * rate is not null)
from (
    select p.*, case when p.pair is null then 1 else r.rate end as rate, r.at as rated_at
    from parts p left join rated r on r.pair = p.pair and r.place = p.place
) p
group by place
"""
# The planner expects a few points of each coin, and would sort them all, with their coins' quantities, to group them.
_WITHOUT_SORTING = "set local enable_sort = off"
_NOTHING = Worth(Decimal(0), True, None)


def _statement(stored: str) -> bytes:
    exact, gaps = (part.format(stored=stored) for part in (_EXACT, _GAPS))
    return _WORTH.format(ctes=",".join((POSITIONS, _STEPS, QUOTES, exact, gaps, PRICES, RATES, _PARTS))).encode()


_OF_DAYS, _OF_HOURS, _OF_ANY = _statement(_DAILY), _statement(_BOTH), _statement(_NONE)


async def read_worth(
    connection: Connection, owner: str, portfolio_id: int, quotes: Sequence[AssetQuote], instants: Sequence[datetime]
) -> list[Worth]:
    """One for each instant; these ascend. An asset without a quote has no price."""
    if not instants:
        return []
    statement, step = _choose(instants)
    parameters = place_parameters(owner, portfolio_id, instants) | quote_parameters(quotes, instants)
    found = [_NOTHING] * len(instants)
    async with connection.transaction(), connection.cursor(binary=True) as cursor:
        await cursor.execute(_WITHOUT_SORTING)
        await cursor.execute(statement, parameters | {"step": step})
        for place, *row in await cursor.fetchall():
            found[place - 1] = Worth._make(row)
    return found


def _choose(instants: Sequence[datetime]) -> tuple[bytes, timedelta]:
    """The statement that finds most of the instants among the stored points, and the step of these."""
    if all(floor(at, DAY) == at for at in instants):
        return _OF_DAYS, DAY
    on_hours = all(floor(at, HOUR) == at for at in instants)
    return (_OF_HOURS if on_hours else _OF_ANY), HOUR
