"""What is stored, as candles: of many coins in one statement, with the columns that are wanted and no others.

Prices are converted and put into buckets by the database. A window can be bound to a version of its series (see
db.versions): a reader who kept a part of it gets the rest in one snapshot, or everything when what it kept is outdated.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from db.pool import Connection
from db.rates import MAX_RATE_AGE, RatePair
from db.series import HOUR, Granularity, Window

# How buckets follow each other: a length, or a number of months.
Step = timedelta | int


class Wanted(NamedTuple):
    """A window of one coin. With a version: to be read only if the series has it, or, unless `same`, if it has not."""

    coin_id: int
    window: Window
    version: int | None = None
    same: bool = False


@dataclass(frozen=True, slots=True)
class CandleQuery:
    """Which candles: of stored prices in `currency_id`, or of what the rates of `pair` make of them.

    `columns` are of COLUMNS. `versions` and `provisional` say whether these are wanted too.
    """

    currency_id: int
    granularity: Granularity
    step: Step
    wanted: Sequence[Wanted]
    columns: tuple[str, ...]
    pair: RatePair | None = None
    versions: bool = False
    provisional: bool = False

    @property
    def bound(self) -> bool:
        """Whether windows are bound to versions; otherwise all of them are the same one."""
        return any(one.version is not None for one in self.wanted)


class Rows(NamedTuple):
    """A query of something else, whose rows are read in the same statement, and so in the same snapshot. Its parameters
    have names of their own.
    """

    query: str
    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Candles:
    """What is stored of one coin: the values of each column, and the starts of the buckets in `stamps`, ascending.

    A stamp is in seconds since 1970: no other form of a time is read as fast. A bucket that begins in `provisional`
    holds a point that waits for a better answer. `version` is None where the series has none. `as_of` is set by a
    replica: the time of the newest change that it knows of.
    """

    stamps: Sequence[float] = ()
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    provisional: Sequence[datetime] = ()
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


# What a bucket of one stored point says, and one of several. Of these `price` is the first one's, as are volume, market
# cap, provider and observed_at; `close` is the last one's, seen at `closed_at` and given by `closed_by`; `high` and
# `low` are the extremes known. `revision` counts the changes of all. `fx_rate` and `fx_rate_at` are the first one's.
_ONE = {
    "price": "p.price * {rate}",
    "high": "greatest(p.high, p.price) * {rate}",
    "low": "least(p.low, p.price) * {rate}",
    "close": "p.price * {rate}",
    "volume_24h": "p.volume_24h * {rate}",
    "market_cap": "p.market_cap * {rate}",
    "samples": "1",
    "observed_at": "p.observed_at",
    "closed_at": "p.observed_at",
    "provider_id": "p.provider_id",
    "closed_by": "p.provider_id",
    "revision": "p.revision",
    "fx_rate": "{rate}",
    "fx_rate_at": "{rated_at}",
}
_FIRST, _LAST = "(array_agg({} order by p.ts))[1]", "(array_agg({} order by p.ts))[count(*)]"
_SEVERAL = dict.fromkeys(_ONE, _FIRST) | {
    "high": "max({})",
    "low": "min({})",
    "close": _LAST,
    "closed_at": _LAST,
    "closed_by": _LAST,
    "samples": "count(*)::int",
    "revision": "sum({})::int",
}
COLUMNS = tuple(_ONE)
# A version of everything that the answer is made of: of the series, and of those of the rates.
_VERSIONS = """
versions as materialized (
    select c.coin_id, (
        select bit_xor(s.version) from series_versions s
        where s.granularity = %(granularity)s and (s.coin_id, s.currency_id) in ((c.coin_id, %(currency)s){rates})
        having count(*) = {count}
    ) as version
    from (select distinct unnest(%(coins)s::int[]) as coin_id) c
), """
# Where there is no rate there is no value: the join leaves the point out. A rate is that of the bucket's own time or
# the last one before, never a later one: each step belongs to the known rate that it follows.
_RATES = """
rated as materialized (
    select p.ts, max(p.price) filter (where p.currency_id = %(quote)s)
                 / max(p.price) filter (where p.currency_id = %(base)s) as rate
    from {table} p
    where p.coin_id = %(rate_coin)s and p.currency_id in (%(base)s, %(quote)s)
      and p.ts >= %(rates_from)s and p.ts < %(end)s
    group by p.ts having count(*) = 2
), rates as materialized (
    select ts, first_value(rate) over known as rate, first_value(rated_at) over known as rated_at
    from (
        select s.ts, r.rate, r.ts as rated_at, count(r.ts) over (order by s.ts) as part
        from generate_series(%(rates_from)s::timestamptz, %(end)s, make_interval(hours => %(hours)s)) s (ts)
        left join rated r using (ts)
    ) steps
    window known as (partition by part order by ts)
), """
_JOIN_RATES = "join rates r on r.ts = p.ts and r.rated_at >= r.ts - %(max_rate_age)s"
_SAME_WINDOW = (
    "(select unnest(%(coins)s::int[]) as coin_id, %(start)s::timestamptz as start, %(end)s::timestamptz as until) w"
)
_WINDOWS = """
unnest(%(coins)s::int[], %(starts)s::timestamptz[], %(ends)s::timestamptz[], %(known)s::bigint[], %(same)s::bool[])
    as w (coin_id, start, until, known, same)
join versions v using (coin_id) where coalesce(v.version = w.known, false) = w.same
"""
# The bounds of a window are parameters of a look-up: only so does TimescaleDB leave out the chunks beside it.
_CANDLES = """
with {versions}{rates}wanted as (
    select w.coin_id, w.start, w.until from {windows}
)
select p.coin_id, date_part('epoch', {bucket}){columns}{no_record}
from wanted w
join {table} p on p.coin_id = w.coin_id and p.currency_id = %(currency)s and p.ts >= w.start and p.ts < w.until
               and p.ts >= %(start)s and p.ts < %(end)s
{join_rates}
{group}
{extras}
{alongside}
order by 1, 2 nulls first
"""
# A row without a time, in front of each coin's.
_EXTRAS = """
union all
select v.coin_id, null{nulls}, row(v.version, (
    select array_agg(p.ts order by p.ts) from {table} p
    where p.coin_id = v.coin_id and p.currency_id = %(currency)s and p.ts >= %(start)s and p.ts < %(end)s
      and p.provisional
), case when pg_is_in_recovery() then pg_last_xact_replay_timestamp() end)
from {of} v
"""
# Rows without a coin, behind all others.
_ALONGSIDE = """
union all
select null, null{nulls}, a from ({query}) a
"""
# 1970-01-05 was a Monday.
_BINNED = "date_bin(%(step)s, p.ts, '1970-01-05T00:00:00Z'::timestamptz)"
_MONTHS = {1: "month", 3: "quarter", 12: "year"}


async def read_candles(connection: Connection, query: CandleQuery) -> dict[int, Candles]:
    """The candles of each coin that is wanted, of all of its windows that are to be read."""
    return (await read_candles_with(connection, query, None))[0]


async def read_candles_with(
    connection: Connection, query: CandleQuery, rows: Rows | None
) -> tuple[dict[int, Candles], list[tuple[Any, ...]]]:
    """The same, and rows of something else."""
    extras = query.versions or query.provisional
    statement = _statement(
        query.granularity,
        query.step,
        query.columns,
        query.pair is not None,
        query.versions,
        extras,
        query.bound,
        rows.query if rows else "",
    )
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(statement, _parameters(query) | dict(rows.parameters if rows else ()))
        found = await cursor.fetchall()
    behind = bisect_left(found, True, key=lambda row: row[0] is None)
    others = [row[-1] for row in found[behind:]]
    del found[behind:]
    return {coin: _cut(found, coin, query.columns, extras) for coin in {one.coin_id for one in query.wanted}}, others


@lru_cache(maxsize=256)
def _statement(
    granularity: Granularity,
    step: Step,
    columns: tuple[str, ...],
    converted: bool,
    versions: bool,
    extras: bool,
    bound: bool,
    alongside: str,
) -> bytes:
    """Put together from texts of db/ alone; whatever a client sends is a parameter."""
    rate, rated_at = ("r.rate", "r.rated_at") if converted else ("1", "null::timestamptz")
    several = step != granularity.width
    values = [_value(name, rate, rated_at, several) for name in columns]
    parts = {
        "table": granularity.table,
        "rates": _RATES.format(table=granularity.table) if converted else "",
        "versions": "",
        "windows": _WINDOWS if bound else _SAME_WINDOW,
        "bucket": _bucket(step) if several else "p.ts",
        "columns": "".join(f", {value}" for value in values),
        "no_record": ", null::record" if extras or alongside else "",
        "join_rates": _JOIN_RATES if converted else "",
        "group": f"group by p.coin_id, {_bucket(step)}" if several else "",
        "extras": "",
        "alongside": "",
    }
    nulls = ", null" * len(columns)
    if extras:
        of = "versions" if versions else "(select distinct coin_id, null::bigint as version from wanted)"
        parts["extras"] = _EXTRAS.format(table=granularity.table, nulls=nulls, of=of)
    if alongside:
        parts["alongside"] = _ALONGSIDE.format(nulls=nulls, query=alongside)
    if versions:
        rated = ", (%(rate_coin)s, %(base)s), (%(rate_coin)s, %(quote)s)" if converted else ""
        parts["versions"] = _VERSIONS.format(rates=rated, count=3 if converted else 1)
    return _CANDLES.format(**parts).encode()


def _value(name: str, rate: str, rated_at: str, several: bool) -> str:
    one = _ONE[name].format(rate=rate, rated_at=rated_at).replace(" * 1", "")
    if name in ("fx_rate", "fx_rate_at") and rate == "1":
        return "null"
    return _SEVERAL[name].format(one) if several else one


def _bucket(step: Step) -> str:
    return _BINNED if isinstance(step, timedelta) else f"date_trunc('{_MONTHS[step]}', p.ts, 'UTC')"


def _parameters(query: CandleQuery) -> dict[str, object]:
    start = min(one.window.start for one in query.wanted)
    parameters: dict[str, object] = {
        "currency": query.currency_id,
        "granularity": query.granularity.value,
        "step": query.step,
        "start": start,
        "end": max(one.window.end for one in query.wanted),
        "coins": [one.coin_id for one in query.wanted],
    }
    if query.bound:
        parameters |= {
            "starts": [one.window.start for one in query.wanted],
            "ends": [one.window.end for one in query.wanted],
            "known": [one.version for one in query.wanted],
            "same": [one.same for one in query.wanted],
        }
    if query.pair:
        parameters |= {
            "rate_coin": query.pair.coin_id,
            "base": query.pair.base_id,
            "quote": query.pair.quote_id,
            "rates_from": start - MAX_RATE_AGE,
            "hours": query.granularity.width // HOUR,
            "max_rate_age": MAX_RATE_AGE,
        }
    return parameters


def _cut(rows: Sequence[tuple[Any, ...]], coin_id: int, names: Sequence[str], extras: bool) -> Candles:
    """The coin's part of the rows, which are in order of coin and time, as columns."""
    first = bisect_left(rows, coin_id, key=itemgetter(0))
    last = bisect_right(rows, coin_id, lo=first, key=itemgetter(0))
    version, provisional, as_of = None, None, None
    if extras:
        version, provisional, as_of = rows[first][-1]
        first += 1
    part = rows[first:last]
    stamps, *values = (list(map(itemgetter(place), part)) for place in range(1, len(names) + 2))
    return Candles(stamps, dict(zip(names, values, strict=True)), provisional or (), version, as_of)
