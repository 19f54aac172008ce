"""`priceHistory` and `Coin.history`: what is stored, what is missing, and why."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from db.pool import Database
from db.prices import Point
from db.series import DAY, HOUR, Granularity, Window, complete, floor
from resolvers.intervals import Interval
from resolvers.ranges import FIRST_BLOCK
from tests.api import Api, add_coins, add_points, execute, iso
from tests.oracle import Ask, expected_points
from tests.world import NOW

HISTORY = """
query History($coins: [String!]!, $from: Time!, $to: Time!, $interval: Interval!, $gaps: GapPolicy!) {
  priceHistory(coins: $coins, from: $from, to: $to, interval: $interval, gaps: $gaps) {
    slug
    error { code message field }
    history {
      coin { slug } currency { code }
      range { from to } interval granularity nextFrom
      points { time price high low volume24h marketCap origin provider observedAt revision }
      columns { time price high low volume24h marketCap }
      coverage {
        granularity range { from to } expectedPoints actualPoints completeness firstPointAt lastPointAt
        gaps(first: 1000) { from to missingPoints reason nextAttemptAt }
      }
    }
  }
}
"""
COLUMNS = ["time", "price", "high", "low", "volume24h", "marketCap"]


async def history(
    api: Api, start: str, end: str = "now", interval: str = "HOUR_1", gaps: str = "NULLS", coin: str = "coin-1"
) -> dict[str, Any]:
    answer = await api.ask(HISTORY, coins=[coin], **{"from": start, "to": end}, interval=interval, gaps=gaps)
    (result,) = answer["priceHistory"]
    assert result["error"] is None
    found: dict[str, Any] = result["history"]
    assert found["columns"] == {name: [point[name] for point in found["points"]] for name in COLUMNS}
    return found


def as_stored(point: Point) -> dict[str, Any]:
    return {
        "time": iso(point.ts),
        "price": point.price,
        "high": point.price,
        "low": point.price,
        "volume24h": point.volume_24h,
        "marketCap": point.market_cap,
        "origin": "OBSERVED",
        "provider": "COINGECKO",
        "observedAt": iso(point.observed_at),
        "revision": 0,
    }


@pytest.mark.parametrize("granularity", Granularity)
async def test_of_random_rows_each_is_a_point_and_exactly_the_holes_are_missing(
    api: Api, database: Database, granularity: Granularity
) -> None:
    width, dice = granularity.width, random.Random(granularity)
    await add_coins(database, 12)
    for coin in range(1, 13):
        running = floor(NOW, width)
        ages = [age for age in range(60) if dice.random() < dice.choice((0.2, 0.9))]
        stored = await add_points(database, granularity, [running - width * age for age in reversed(ages)], coin)
        start = NOW - width * dice.randint(1, 70) + timedelta(seconds=dice.randint(0, 7000))
        end = min(NOW, start + width * dice.randint(1, 70))
        window = Window(floor(start, width), end)

        interval = "HOUR_1" if width == HOUR else "DAY_1"
        for gaps in ("NULLS", "OMIT"):
            found = await history(api, iso(start), iso(end), interval, gaps, f"coin-{coin}")

            inside = [as_stored(point) for point in stored if window.start <= point.ts < window.end]
            assert [point for point in found["points"] if point["origin"] == "OBSERVED"] == inside
            assert found["range"] == {"from": iso(window.start), "to": iso(window.end)}
            whole = complete(window, NOW, width)
            _check_missing(found, gaps, whole, width)
            _check_coverage(found["coverage"], whole, [p for p in stored if whole.start <= p.ts < whole.end], width)


def _check_missing(found: dict[str, Any], gaps: str, whole: Window, width: timedelta) -> None:
    missing = [point["time"] for point in found["points"] if point["origin"] == "MISSING"]
    times = [point["time"] for point in found["points"]]
    assert times == sorted(set(times))
    if gaps == "OMIT":
        assert missing == []
        return
    observed = set(times) - set(missing)
    expected = [iso(whole.start + width * i) for i in range(whole.buckets(width))]
    assert missing == [time for time in expected if time not in observed]
    for point in found["points"]:
        if point["origin"] == "MISSING":
            assert {point[name] for name in (*COLUMNS[1:], "provider", "observedAt")} == {None}


def _check_coverage(coverage: dict[str, Any], whole: Window, stored: list[Point], width: timedelta) -> None:
    expected = whole.buckets(width)
    assert coverage["range"] == {"from": iso(whole.start), "to": iso(whole.end)}
    assert (coverage["expectedPoints"], coverage["actualPoints"]) == (expected, len(stored))
    assert coverage["completeness"] == (len(stored) / expected if expected else 1)
    assert coverage["firstPointAt"] == (iso(stored[0].ts) if stored else None)
    assert coverage["lastPointAt"] == (iso(stored[-1].ts) if stored else None)
    gaps = coverage["gaps"]
    assert sum(gap["missingPoints"] for gap in gaps) == expected - len(stored)
    lengths = [(datetime.fromisoformat(gap["to"]) - datetime.fromisoformat(gap["from"])) // width for gap in gaps]
    assert lengths == [gap["missingPoints"] for gap in gaps]
    assert {gap["reason"] for gap in gaps} <= {"NOT_FETCHED"}


async def test_the_running_bucket_is_a_point_once_it_is_stored_and_never_missing(api: Api, database: Database) -> None:
    await add_coins(database, 1)
    running = floor(NOW, HOUR)
    await add_points(database, Granularity.HOURLY, [running - HOUR])
    assert (await history(api, "now-2h"))["points"][-1]["time"] == iso(running - HOUR)

    await add_points(database, Granularity.HOURLY, [running])

    found = await history(api, "now-2h")
    assert found["points"][-1]["time"] == iso(running)
    assert found["coverage"]["expectedPoints"] == 2


async def test_a_range_within_the_running_bucket_expects_nothing_and_is_complete(api: Api, database: Database) -> None:
    await add_coins(database, 1)

    found = await history(api, "now-5m")

    assert found["points"] == []
    assert (found["coverage"]["expectedPoints"], found["coverage"]["completeness"]) == (0, 1)
    assert found["coverage"]["gaps"] == []


async def test_the_instants_that_were_used_are_echoed_in_utc(api: Api, database: Database) -> None:
    await add_coins(database, 1)
    for start, end, used_start, used_end in (
        ("now-3h", "now", "2026-11-20T16:00:00Z", "2026-11-20T19:37:12.345678Z"),
        ("now-1d/d", "now/d", "2026-11-19T00:00:00Z", "2026-11-20T00:00:00Z"),
        ("2026-11-20T14:30:00+05:30", "2026-11-20T12:00:00+01:00", "2026-11-20T09:00:00Z", "2026-11-20T11:00:00Z"),
        ("2026-11-20T10:00:00-08:00", "now+5y", "2026-11-20T18:00:00Z", "2026-11-20T19:37:12.345678Z"),
    ):
        assert (await history(api, start, end))["range"] == {"from": used_start, "to": used_end}


async def test_auto_is_the_smallest_interval_of_at_most_500_points(api: Api, database: Database) -> None:
    await add_coins(database, 1)
    for start, interval, granularity, count in (
        ("now-499h", "HOUR_1", "HOURLY", 499),
        ("now-500h", "HOUR_4", "HOURLY", 125),
        ("now-499d", "DAY_1", "DAILY", 499),
        ("now-500d", "WEEK_1", "DAILY", 71),
        ("2009-01-03T00:00:00Z", "MONTH_1", "DAILY", 214),
    ):
        found = await history(api, start, interval="AUTO")

        assert (found["interval"], found["granularity"], len(found["points"])) == (interval, granularity, count)


@pytest.mark.slow
async def test_a_range_longer_than_10000_points_is_read_in_parts_without_loss_or_repeat(
    api: Api, database: Database
) -> None:
    await add_coins(database, 1)
    running = floor(NOW, HOUR)
    times = [running - HOUR * age for age in range(21_234, 0, -1) if age % 1000]
    await add_points(database, Granularity.HOURLY, times)
    query = """
    query Part($from: Time!) {
      coin(slug: "coin-1") { history(from: $from, interval: HOUR_1, gaps: OMIT) { nextFrom columns { time } } }
    }
    """
    found: list[str] = []
    start: str | None = iso(times[0])
    parts = 0
    while start:
        part = (await api.ask(query, **{"from": start}))["coin"]["history"]
        found += part["columns"]["time"]
        start, parts = part["nextFrom"], parts + 1

    assert found == [iso(time) for time in times]
    assert parts == 3


@pytest.mark.slow
async def test_all_time_since_the_first_block_is_answered_at_every_interval(api: Api, database: Database) -> None:
    await add_coins(database, 1)
    query = """
    query Part($from: Time!, $interval: Interval!, $granularity: Granularity) {
      coin(slug: "coin-1") {
        history(from: $from, interval: $interval, granularity: $granularity) { nextFrom columns { time } }
      }
    }
    """
    for interval, store, parts in (
        ("HOUR_4", "HOURLY", 4),
        ("HOUR_12", "HOURLY", 2),
        ("DAY_1", "DAILY", 1),
        ("DAY_1", "HOURLY", 1),
        ("YEAR_1", "HOURLY", 1),
    ):
        start: str | None = iso(FIRST_BLOCK)
        found: list[str] = []
        for _ in range(parts):
            part = (await api.ask(query, **{"from": start}, interval=interval, granularity=store))["coin"]["history"]
            found += part["columns"]["time"]
            start = part["nextFrom"]

        assert start is None
        every = expected_points([], Ask(FIRST_BLOCK, NOW, Interval(interval), Granularity(store)), NOW)
        assert found == [iso(point["time"]) for point in every]


async def test_the_points_of_all_series_of_a_request_are_limited_together(api: Api, database: Database) -> None:
    await add_coins(database, 2)
    query = """
    query Much($one: [String!]!, $other: [String!]!) {
      one: priceHistory(coins: $one, from: "now-999h", interval: HOUR_1) { slug }
      other: priceHistory(coins: $other, from: "now-998h", interval: HOUR_1, gaps: CARRY, carryLimit: "1h") { slug }
      coin(slug: "coin-2") { slug }
    }
    """
    await api.ask(query, one=["coin-1"] * 50, other=["coin-2"] * 50)

    for one, other in ((101, 0), (50, 51), (0, 101)):
        error = await api.fail(query, one=["coin-1"] * one, other=["coin-2"] * other)

        assert error["extensions"]["code"] == "COST_EXCEEDED"
        assert error["message"].startswith("101,000 points are more than the 100,000")


async def test_one_unknown_coin_fails_no_other_and_the_order_is_kept(api: Api, database: Database) -> None:
    await add_coins(database, 3)
    asked = ["coin-3", "S2", "coin-1", "nothing", "coin-1"]

    answer = await api.ask(HISTORY, coins=asked, **{"from": "now-2h"}, to="now", interval="AUTO", gaps="NULLS")

    results = answer["priceHistory"]
    assert [result["slug"] for result in results] == asked
    assert [result["history"] and result["history"]["coin"]["slug"] for result in results] == [
        "coin-3",
        None,
        "coin-1",
        None,
        "coin-1",
    ]
    assert results[1]["error"] == {
        "code": "NOT_FOUND",
        "message": "no coin has the slug 'S2'; did you mean coin-2?",
        "field": ["coins"],
    }
    assert "`coins(filter: {search})` finds similar ones" in results[3]["error"]["message"]


async def test_no_coins_are_no_histories(api: Api, database: Database) -> None:
    await add_coins(database, 1)

    assert await api.ask("{ priceHistory(coins: []) { slug } }") == {"priceHistory": []}


async def test_currencies_are_kept_apart_and_their_case_does_not_matter(api: Api, database: Database) -> None:
    await add_coins(database, 1)
    times = [floor(NOW, HOUR) - HOUR]
    usd = await add_points(database, Granularity.HOURLY, times)
    await execute(database, "update price_hourly set price = price * 2 where currency_id = 1")
    eur = await add_points(database, Granularity.HOURLY, times, currency_id=2)
    query = (
        'query($c: String!) { coin(slug: "coin-1") { history(currency: $c, from: "now-1h") { columns { price } } } }'
    )

    assert (await api.ask(query, c="USD"))["coin"]["history"]["columns"]["price"] == [usd[0].price * 2]
    assert (await api.ask(query, c="eur"))["coin"]["history"]["columns"]["price"] == [eur[0].price]


async def test_a_corrected_value_shows_its_revision(api: Api, database: Database) -> None:
    await add_coins(database, 1)
    time = floor(NOW, HOUR) - HOUR
    await add_points(database, Granularity.HOURLY, [time - HOUR, time])
    corrected = await add_points(database, Granularity.HOURLY, [time])

    point = (await history(api, iso(time)))["points"][0]

    assert (point["revision"], point["price"]) == (1, corrected[0].price)


async def test_gaps_name_their_reasons_and_the_next_attempt(api: Api, database: Database) -> None:
    await add_coins(database, 1)
    end = floor(NOW, HOUR)
    await add_points(database, Granularity.HOURLY, [end - HOUR])
    for first, last, outcome, expires in (
        (10, 8, "NO_DATA", None),
        (8, 6, "RATE_LIMITED", NOW + HOUR),
        (6, 5, "REJECTED", NOW + DAY),
        (5, 4, "PROVIDER_ERROR", NOW - HOUR),  # the next refresh asks
    ):
        await execute(
            database,
            "insert into fetch_windows (coin_id, currency_id, granularity, provider_id, from_ts, to_ts, outcome, "
            "asked_at, expires_at) values (1, 1, 'HOURLY', 2, %s, %s, %s, %s, %s)",
            end - first * HOUR,
            end - last * HOUR,
            outcome,
            NOW,
            expires,
        )

    gaps = (await history(api, "now-10h"))["coverage"]["gaps"]

    assert [(gap["reason"], gap["missingPoints"], gap["nextAttemptAt"]) for gap in gaps] == [
        ("BEFORE_LISTING", 2, None),
        ("RATE_LIMITED", 2, iso(NOW + HOUR)),
        ("REJECTED_BY_CHECK", 1, iso(NOW + DAY)),
        ("PROVIDER_ERROR", 1, None),
        ("NOT_FETCHED", 3, None),
    ]


async def test_what_lies_beyond_the_plan_says_so(api: Api, database: Database) -> None:
    await add_coins(database, 1)

    gaps = (await history(api, "now-400d", interval="DAY_1"))["coverage"]["gaps"]

    assert [gap["reason"] for gap in gaps] == ["PLAN_LIMIT", "NOT_FETCHED"]
    assert sum(gap["missingPoints"] for gap in gaps) == 400


async def test_a_coins_coverage_speaks_of_the_history_window(api: Api, database: Database) -> None:
    await add_coins(database, 1)
    midnight = floor(NOW, DAY)
    await add_points(database, Granularity.DAILY, [midnight - DAY * age for age in (95, 90, 1, 0)])

    found = (
        await api.ask(
            '{ coin(slug: "coin-1") { coverage(granularity: DAILY) { expectedPoints actualPoints range { from to }'
            " gaps { missingPoints } } } }"
        )
    )["coin"]["coverage"]

    assert found["range"] == {"from": iso(midnight - 90 * DAY), "to": iso(midnight)}
    assert (found["expectedPoints"], found["actualPoints"], found["gaps"]) == (90, 2, [{"missingPoints": 88}])


async def test_first_cuts_the_list_of_gaps_and_not_the_counts(api: Api, database: Database) -> None:
    await add_coins(database, 1)
    end = floor(NOW, HOUR)
    await add_points(database, Granularity.HOURLY, [end - HOUR * age for age in range(20, 0, -2)])

    found = (
        await api.ask(
            '{ coin(slug: "coin-1") { history(from: "now-20h") { coverage { expectedPoints actualPoints'
            " gaps(first: 3) { from } } } } }"
        )
    )["coin"]["history"]["coverage"]

    assert (found["expectedPoints"], found["actualPoints"], len(found["gaps"])) == (20, 10, 3)
    assert found["gaps"][0] == {"from": iso(end - 19 * HOUR)}
