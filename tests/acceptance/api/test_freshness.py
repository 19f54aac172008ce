"""Freshness: how young a series is, and why it is no younger."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from db.pool import Database
from db.prices import Point, upsert_points
from db.series import DAY, HOUR, Granularity, Series, floor
from resolvers.durations import format_duration
from tests.acceptance.api.histories import know
from tests.api import COINGECKO, Api, add_points, execute, iso
from tests.world import NOW, hours_ago

FRESHNESS = """
query Freshness($coin: String!, $currency: String!, $interval: Interval!) {
  coin(slug: $coin) {
    history(currency: $currency, from: "now-2d", interval: $interval) {
      freshness { asOf age expectedWithin isStale reason }
    }
  }
}
"""
MOMENT = timedelta(microseconds=1)


async def freshness(api: Api, coin: str = "coin-2", currency: str = "usd", interval: str = "HOUR_1") -> dict[str, Any]:
    answer = await api.ask(FRESHNESS, coin=coin, currency=currency, interval=interval)
    found: dict[str, Any] = answer["coin"]["history"]["freshness"]
    return found


async def observe(database: Database, granularity: Granularity, at: datetime) -> None:
    """One stored point of coin-2, and none else."""
    point = Point(floor(at, granularity.width), 2.5, at)
    await execute(database, f"delete from {granularity.table}")
    async with database.transaction() as connection:
        await upsert_points(connection, Series(2, 1), granularity, COINGECKO, [point], NOW)


async def test_a_series_is_stale_after_two_hours_and_in_the_daily_store_after_26(api: Api, database: Database) -> None:
    await know(database, 2)
    for interval, age, stale in (
        ("HOUR_1", 2 * HOUR, False),
        ("HOUR_12", 2 * HOUR + MOMENT, True),
        ("DAY_1", 26 * HOUR, False),
        ("MONTH_1", 26 * HOUR + MOMENT, True),
    ):
        daily = interval in ("DAY_1", "MONTH_1")
        await observe(database, Granularity.DAILY if daily else Granularity.HOURLY, NOW - age)

        found = await freshness(api, interval=interval)

        limit = 26 * HOUR if daily else 2 * HOUR
        assert (found["asOf"], found["age"]) == (iso(NOW - age), format_duration(age))
        assert (found["expectedWithin"], found["isStale"]) == (format_duration(limit), stale)
        assert found["reason"] == ("NOT_FETCHED" if stale else None)


async def test_what_was_never_observed_is_stale(api: Api, database: Database) -> None:
    await know(database, 2)

    found = await freshness(api)

    assert found == {"asOf": None, "age": None, "expectedWithin": "2h", "isStale": True, "reason": "NOT_FETCHED"}


async def test_the_reason_is_that_of_the_newest_missing_bucket(api: Api, database: Database) -> None:
    await know(database, 2)
    await execute(
        database,
        "insert into fetch_windows (coin_id, currency_id, granularity, provider_id, from_ts, to_ts, outcome, asked_at) "
        "values (2, 1, 'HOURLY', 2, %s, %s, 'PROVIDER_ERROR', %s)",
        *(hours_ago(1), hours_ago(0), NOW),
    )
    assert (await freshness(api))["reason"] == "PROVIDER_ERROR"

    await add_points(database, Granularity.HOURLY, [hours_ago(1), hours_ago(2)], 2)

    assert (await freshness(api))["reason"] is None


async def test_what_is_converted_is_as_old_as_its_rate(api: Api, database: Database) -> None:
    await know(database, 2)
    await add_points(database, Granularity.HOURLY, [hours_ago(1), hours_ago(2)], 2)
    found = await freshness(api, currency="eur")
    assert (found["asOf"], found["isStale"], found["reason"]) == (None, True, "FX_UNAVAILABLE")

    rated_at = hours_ago(2) - 2 * DAY
    for currency in (1, 2):
        await add_points(database, Granularity.HOURLY, [rated_at], 1, currency)

    found = await freshness(api, currency="eur")
    stamp = iso(rated_at + timedelta(seconds=41))
    assert (found["asOf"], found["isStale"], found["reason"]) == (stamp, True, None)
    assert (await freshness(api))["isStale"] is False


async def test_freshness_is_of_the_series_and_not_of_the_range(api: Api, database: Database) -> None:
    await know(database, 2)
    await observe(database, Granularity.HOURLY, floor(NOW, HOUR))
    query = '{ coin(slug: "coin-2") { history(from: "now-90d", to: "now-80d") { freshness { isStale asOf } } } }'

    found = (await api.ask(query))["coin"]["history"]["freshness"]

    assert found == {"isStale": False, "asOf": iso(floor(NOW, HOUR))}
