"""A rate is never later than what it converts, and never older than three days."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg import sql

from db.latest import list_converted
from db.nearest import Lookup, list_nearest
from db.pool import Connection, Database
from db.rates import Rate, RatePair
from db.series import DAY, EPOCH, HOUR, Granularity, Series, floor

# So far apart that a rate is often exactly three days old.
STEPS = {Granularity.HOURLY: 12 * HOUR, Granularity.DAILY: DAY}
THREE_DAYS = timedelta(days=3)
USD, EUR = 1, 2
PAIR = RatePair(coin_id=1, base_id=USD, quote_id=EUR)
COIN = Series(2, USD)
TIME = EPOCH + 30 * DAY
# In steps before TIME.
ages = st.sets(st.integers(-1, 8), max_size=3)
offsets = [-HOUR, -timedelta.resolution, timedelta(0), timedelta.resolution, HOUR]


def newest(rates: list[Rate], at: datetime) -> Rate | None:
    candidates = [rate for rate in rates if at - THREE_DAYS <= rate.ts <= at]
    return max(candidates, key=lambda rate: rate.ts, default=None)


async def store(
    connection: Connection, granularity: Granularity, series: Series, prices: dict[datetime, float]
) -> None:
    insert = sql.SQL(
        "insert into {} (coin_id, currency_id, ts, price, observed_at, provider_id) "
        "select %s, %s, ts, price, ts, 2 from unnest(%s::timestamptz[], %s::float8[]) as p (ts, price)"
    ).format(sql.Identifier(granularity.table))
    await connection.execute(insert, (series.coin_id, series.currency_id, [*prices], [*prices.values()]))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    granularity=st.sampled_from(list(Granularity)),
    rated=ages,
    only_based=ages,
    off=st.sampled_from(offsets),
)
@example(
    granularity=Granularity.HOURLY, rated={6}, only_based=set(), off=timedelta.resolution
)  # three days and a little more
async def test_the_last_rate_is_the_newest_that_is_neither_later_nor_older_than_three_days(
    database: Database, granularity: Granularity, rated: set[int], only_based: set[int], off: timedelta
) -> None:
    step = STEPS[granularity]
    rates = [Rate(TIME - age * step, 2.5 + age) for age in rated]

    async with database.connection() as connection, connection.transaction(force_rollback=True):
        based = {TIME - age * step: 2.0 for age in rated | only_based}
        await store(connection, granularity, PAIR.based, based)
        await store(connection, granularity, PAIR.rated, {rate.ts: 2.0 * rate.rate for rate in rates})
        await store(connection, granularity, COIN, {TIME: 7.0})
        await connection.execute(
            "insert into price_latest (coin_id, currency_id, price, observed_at, provider_id) values (2, 1, 7, %s, 2)",
            (TIME + off,),
        )
        (nearest,) = await list_nearest(connection, [Lookup(COIN, TIME, HOUR, PAIR)])
        (latest,) = await list_converted(connection, [COIN.coin_id], PAIR)

    assert nearest is not None
    assert nearest.rate == newest(rates, TIME)
    hourly = rates if granularity is Granularity.HOURLY else []
    now, before = newest(hourly, TIME + off), newest(hourly, floor(TIME + off - timedelta(hours=23.5), HOUR))
    assert (latest.rate, latest.rate_at) == ((now.rate, now.ts) if now else (None, None))
    assert latest.rate_24h_ago == (before.rate if before else None)
