"""Storing points: every count is exact, nothing is rewritten for nothing, and no replaced value is lost."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from db.pool import Connection, Database
from db.prices import Point, Written, upsert_latest, upsert_points
from db.reference import PROVIDER_IDS
from db.series import HOUR, Granularity, Series

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOW = NOON + timedelta(days=1)
BITCOIN = Series(1, 1)
COINGECKO, MANUAL, CSV = (PROVIDER_IDS[code] for code in ("COINGECKO", "MANUAL", "CSV"))

Values = tuple[float, float | None, float | None, float | None, float | None]


def point(hour: int, of: Values) -> Point:
    price, market_cap, volume, high, low = of
    ts = NOON + hour * HOUR
    return Point(ts, price, ts, market_cap, volume, high, low)


async def upsert(connection: Connection, points: list[Point], provider: int = COINGECKO) -> Written:
    return await upsert_points(connection, BITCOIN, Granularity.HOURLY, provider, points, NOW)


async def rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return await (await connection.execute(query)).fetchall()


async def test_rows_that_do_not_change_are_not_rewritten(database: Database) -> None:
    points = [point(hour, (1.0, None, 2.0, None, None)) for hour in range(4)]
    async with database.connection() as connection:
        await upsert(connection, points)
        before = await rows(connection, "select ts, xmin::text, ctid::text from price_hourly order by ts")

        assert await upsert(connection, points) == Written(0, 0, 4)
        assert await upsert(connection, points, CSV) == Written(0, 0, 4)
        assert await rows(connection, "select ts, xmin::text, ctid::text from price_hourly order by ts") == before

        changed = [*points[:3], point(3, (9.0, None, 2.0, None, None))]
        assert await upsert(connection, changed) == Written(0, 1, 3)
        after = await rows(connection, "select ts, xmin::text, ctid::text from price_hourly order by ts")
    assert [new == old for new, old in zip(after, before, strict=True)] == [True, True, True, False]


async def test_a_lower_source_never_overwrites_and_still_fills_what_is_missing(database: Database) -> None:
    async with database.connection() as connection:
        await upsert(connection, [point(0, (1.0, None, None, None, None))], MANUAL)
        both = [point(0, (2.0, None, None, None, None)), point(1, (3.0, None, None, None, None))]
        assert await upsert(connection, both, COINGECKO) == Written(1, 0, 1)
        found = await rows(connection, "select price, provider_id, revision from price_hourly order by ts")
        assert found == [(1.0, MANUAL, 0), (3.0, COINGECKO, 0)]
        assert await rows(connection, "select * from price_revisions") == []


async def test_hours_and_days_and_series_are_kept_apart(database: Database) -> None:
    midnight = Point(datetime(2026, 6, 1, tzinfo=UTC), 1.0, NOON)
    async with database.connection() as connection:
        for series in (BITCOIN, Series(1, 2), Series(2, 1)):
            for granularity in Granularity:
                written = await upsert_points(connection, series, granularity, COINGECKO, [midnight], NOW)
                assert written == Written(1, 0, 0)


NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize("table", ["price_hourly", "price_daily"])
async def test_the_tables_themselves_refuse_what_is_no_price(database: Database, table: str) -> None:
    bad: list[dict[str, float | None]] = [{"price": value} for value in (NAN, INFINITY, -INFINITY, 0.0, -1.0, None)]
    for column in ("market_cap", "volume_24h", "high", "low"):
        bad += [{column: value} for value in (NAN, INFINITY, -1.0)]
    bad += [{"high": 0.0}, {"low": 0.0}]
    insert = (
        f"insert into {table} (coin_id, currency_id, ts, price, market_cap, volume_24h, high, low, observed_at, "
        "provider_id) values (1, 1, %(ts)s, %(price)s, %(market_cap)s, %(volume_24h)s, %(high)s, %(low)s, %(ts)s, 2)"
    )
    good = {"ts": NOON, "price": 5e-324, "market_cap": 0.0, "volume_24h": None, "high": 1.7e308, "low": 5e-324}
    async with database.connection() as connection:
        for wrong in bad:
            with pytest.raises(psycopg.IntegrityError):
                await connection.execute(insert, good | wrong)
        await connection.execute(insert, good)


async def test_a_batch_with_a_price_that_is_none_stores_nothing_of_it(database: Database) -> None:
    points = [point(0, (1.0, None, None, None, None)), point(1, (NAN, None, None, None, None))]
    with pytest.raises(psycopg.IntegrityError):
        async with database.transaction() as connection:
            await upsert(connection, points)
    async with database.connection() as connection:
        assert await rows(connection, "select * from price_hourly") == []


async def test_writers_of_one_series_at_once_count_together_what_one_would(database: Database) -> None:
    async def write(price: float) -> Written:
        async with database.transaction() as connection:
            return await upsert(connection, [point(hour, (price, None, None, None, None)) for hour in range(50)])

    total = sum(await asyncio.gather(*(write(float(price)) for price in range(1, 9))), Written())

    assert total == Written(50, 350, 0)
    async with database.connection() as connection:
        assert await rows(connection, "select count(*), min(revision), max(revision) from price_hourly") == [(50, 7, 7)]
        assert await rows(connection, "select count(*), count(distinct price) from price_revisions") == [(350, 7)]


async def test_the_latest_price_is_the_newest_sample_whatever_the_order(database: Database) -> None:
    async with database.connection() as connection:
        for minutes in (10, 30, 20, 30):
            sample = Point(NOON, float(minutes), NOON + timedelta(minutes=minutes))
            await upsert_latest(connection, BITCOIN, COINGECKO, sample)
        assert await rows(connection, "select price from price_latest") == [(30.0,)]
