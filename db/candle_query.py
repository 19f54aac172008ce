"""Which candles to read, and the one statement that reads them: of many coins, with the columns that are wanted.

Prices are converted and put into buckets by the database. A window can be bound to a version of its series (see
db.versions): a reader who kept a part of it gets the rest in one snapshot, or everything when what it kept is outdated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple

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
    def extras(self) -> bool:
        """Whether a row in front of each coin's says what holds for all of them."""
        return self.versions or self.provisional

    @property
    def bound(self) -> bool:
        """Whether windows are bound to versions; otherwise all of them are the same one."""
        return any(one.version is not None for one in self.wanted)

    def statement(self, alongside: str) -> bytes:
        """`alongside` is the text of another query, or empty."""
        form = _Form(
            self.granularity,
            self.step,
            self.columns,
            self.pair is not None,
            self.versions,
            self.extras,
            self.bound,
        )
        return _statement(form, alongside)

    @property
    def parameters(self) -> dict[str, object]:
        start = min(one.window.start for one in self.wanted)
        parameters: dict[str, object] = {
            "currency": self.currency_id,
            "granularity": self.granularity.value,
            "step": self.step,
            "start": start,
            "end": max(one.window.end for one in self.wanted),
            "coins": [one.coin_id for one in self.wanted],
        }
        if self.bound:
            parameters |= {
                "starts": [one.window.start for one in self.wanted],
                "ends": [one.window.end for one in self.wanted],
                "known": [one.version for one in self.wanted],
                "same": [one.same for one in self.wanted],
            }
        if self.pair:
            parameters |= {
                "rate_coin": self.pair.coin_id,
                "base": self.pair.base_id,
                "quote": self.pair.quote_id,
                "rates_from": start - MAX_RATE_AGE,
                "hours": self.granularity.width // HOUR,
                "max_rate_age": MAX_RATE_AGE,
            }
        return parameters


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
select p.coin_id, date_part('epoch', {bucket}){columns}{no_extras}{no_record}
from wanted w
join {table} p on p.coin_id = w.coin_id and p.currency_id = %(currency)s and p.ts >= w.start and p.ts < w.until
               and p.ts >= %(start)s and p.ts < %(end)s
{join_rates}
{group}
{extras}
{alongside}
order by 1, 2 nulls first
"""
# A row without a time, in front of each coin's. It holds JSON, for a column of its own for each value would make every
# other row longer, and to read a record costs as much as to read a hundred rows.
_EXTRAS = """
union all
select v.coin_id, null{nulls}, json_build_array(v.version, (
    select array_agg(date_part('epoch', p.ts)) from {table} p
    where p.coin_id = v.coin_id and p.currency_id = %(currency)s and p.ts >= %(start)s and p.ts < %(end)s
      and p.provisional
), date_part('epoch', case when pg_is_in_recovery() then pg_last_xact_replay_timestamp() end))::text{no_record}
from {of} v
"""
# Rows without a coin, behind all others.
_ALONGSIDE = """
union all
select null, null{nulls}{no_extras}, a from ({query}) a
"""
# 1970-01-05 was a Monday.
_BINNED = "date_bin(%(step)s, p.ts, '1970-01-05T00:00:00Z'::timestamptz)"
_MONTHS = {1: "month", 3: "quarter", 12: "year"}


class _Form(NamedTuple):
    """What the text of the statement depends on."""

    granularity: Granularity
    step: Step
    columns: tuple[str, ...]
    converted: bool
    versions: bool
    extras: bool
    bound: bool

    @property
    def several(self) -> bool:
        """Whether a bucket may hold more than one stored point."""
        return self.step != self.granularity.width


@lru_cache(maxsize=256)
def _statement(form: _Form, alongside: str) -> bytes:
    """Put together from texts of db/ alone; whatever a client sends is a parameter."""
    table, nulls = form.granularity.table, ", null" * len(form.columns)
    no_extras, no_record = ", null::text" if form.extras else "", ", null::record" if alongside else ""
    text = _CANDLES.format(
        table=table,
        versions=_versions(form) if form.versions else "",
        rates=_RATES.format(table=table) if form.converted else "",
        windows=_WINDOWS if form.bound else _SAME_WINDOW,
        bucket=_bucket(form.step) if form.several else "p.ts",
        columns="".join(f", {_value(name, form)}" for name in form.columns),
        no_extras=no_extras,
        no_record=no_record,
        join_rates=_JOIN_RATES if form.converted else "",
        group=f"group by p.coin_id, {_bucket(form.step)}" if form.several else "",
        extras=_EXTRAS.format(table=table, nulls=nulls, of=_coins(form), no_record=no_record) if form.extras else "",
        alongside=_ALONGSIDE.format(nulls=nulls, query=alongside, no_extras=no_extras) if alongside else "",
    )
    return text.encode()


def _versions(form: _Form) -> str:
    rates = ", (%(rate_coin)s, %(base)s), (%(rate_coin)s, %(quote)s)" if form.converted else ""
    return _VERSIONS.format(rates=rates, count=3 if form.converted else 1)


def _coins(form: _Form) -> str:
    return "versions" if form.versions else "(select distinct coin_id, null::bigint as version from wanted)"


def _value(name: str, form: _Form) -> str:
    if name in ("fx_rate", "fx_rate_at") and not form.converted:
        return "null"
    rate, rated_at = ("r.rate", "r.rated_at") if form.converted else ("1", "null::timestamptz")
    one = _ONE[name].format(rate=rate, rated_at=rated_at).replace(" * 1", "")
    return _SEVERAL[name].format(one) if form.several else one


def _bucket(step: Step) -> str:
    return _BINNED if isinstance(step, timedelta) else f"date_trunc('{_MONTHS[step]}', p.ts, 'UTC')"
