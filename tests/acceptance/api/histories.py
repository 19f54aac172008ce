"""Random stores, random questions about them, and the answers of the API beside those of the oracle."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import Any

import pytest
from psycopg import sql

from db.pool import Database
from db.reference import PROVIDER_IDS
from db.series import Granularity, floor
from resolvers.intervals import INTERVALS
from tests.api import Api, execute, iso
from tests.oracle import (
    MICROSECOND,
    VALUES,
    Ask,
    Row,
    convert,
    count_lacking,
    expected_coverage,
    expected_points,
    read_rows,
)
from tests.world import NOW

HISTORY = """
query History($coins: [String!]!, $currency: String!, $from: Time!, $to: Time!, $interval: Interval!, $gaps: GapPolicy!,
              $carryLimit: Duration, $finalOnly: Boolean!, $granularity: Granularity) {
  priceHistory(coins: $coins, currency: $currency, from: $from, to: $to, interval: $interval, gaps: $gaps,
               carryLimit: $carryLimit, finalOnly: $finalOnly, granularity: $granularity) {
    slug
    error { code message field retryable }
    history {
      coin { slug } currency { code } range { from to } interval granularity nextFrom
      points {
        time price open high low close volume24h marketCap value samples origin state provider observedAt revision
        fxRate fxRateAt
      }
      columns { time price open high low close volume24h marketCap value }
      summary { first { ...P } last { ...P } min { ...P } max { ...P } mean changePercent maxDrawdownPercent }
      coverage {
        granularity range { from to } expectedPoints actualPoints completeness firstPointAt lastPointAt
        gaps(first: 1000) { from to missingPoints reason nextAttemptAt }
      }
    }
  }
}
fragment P on PricePoint { time price }
"""
# Hours in which clocks change in Berlin and New York, the ends of years, leap days, bucket starts, and nothing special.
MOMENTS = [
    NOW,
    datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 1, 0, 0, 1, tzinfo=UTC),
    datetime(2026, 11, 1, 6, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 1, 1, 0, 10, tzinfo=UTC),
    datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2024, 3, 1, tzinfo=UTC),
    datetime(2024, 4, 1, 12, tzinfo=UTC),
]
USD, EUR, GBP = 1, 2, 3
# Stored buckets before the moment: of hours and of days.
_SPANS = {Granularity.HOURLY: 300, Granularity.DAILY: 500}


async def know(database: Database, coins: int) -> None:
    """`coin-1` and so on, whose ids are their numbers; stored in usd, and of the first one in eur too."""
    await execute(
        database,
        "insert into coins (slug, symbol, name, tracked) select 'coin-' || i, 'c', 'Coin', true "
        "from generate_series(1, %s) i",
        coins,
    )
    await execute(database, "update currencies set tracked = true where id = %s", USD)
    await execute(database, "update currencies set rate_coin_id = 1 where id = %s", EUR)


def random_rows(dice: random.Random, granularity: Granularity, now: datetime) -> list[Row]:
    """Stretches of stored buckets and holes up to the running one."""
    running = floor(now, granularity.width)
    rows = []
    density = dice.random()
    for age in range(_SPANS[granularity], -1, -1):
        if dice.random() < 0.03:
            density = dice.choice([0, 0.3, 0.9, 1])
        if dice.random() < density:
            rows.append(random_row(dice, running - age * granularity.width))
    return rows


def random_row(dice: random.Random, ts: datetime) -> Row:
    price = 10 ** dice.uniform(-8, 6)

    def maybe(value: float) -> float | None:
        return value if dice.random() < 0.7 else None

    return Row(
        ts,
        price,
        maybe(price * dice.uniform(0.9, 1.3)),
        maybe(price * dice.uniform(0.7, 1.1)),
        maybe(price * 1e6),
        maybe(price * 1e9),
        PROVIDER_IDS[dice.choice(["COINGECKO", "COINGECKO", "COINGECKO", "MANUAL"])],
        dice.random() < 0.05,
        ts + timedelta(seconds=dice.randint(-1799, 1799), microseconds=dice.randint(0, 999_999)),
        dice.choice([0, 0, 0, 1, 4]),
    )


async def store(
    database: Database, granularity: Granularity, rows: Sequence[Row], coin_id: int, currency_id: int = USD
) -> None:
    """Exactly these, as they are."""
    query = sql.SQL(
        "insert into {} (coin_id, currency_id, ts, price, high, low, volume_24h, market_cap, provider_id, provisional, "
        "observed_at, revision) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
    ).format(sql.Identifier(granularity.table))
    async with database.transaction() as connection, connection.cursor() as cursor:
        await cursor.executemany(query, [(coin_id, currency_id, *row[:10]) for row in rows])


async def forget(database: Database) -> None:
    for table in ("price_hourly", "price_daily", "price_latest"):
        await execute(database, f"delete from {table}")


def random_ask(dice: random.Random, now: datetime) -> Ask:
    interval = dice.choice(INTERVALS)
    granularity = dice.choice([interval.granularity, Granularity.HOURLY])
    width = granularity.width
    instants = [now - dice.uniform(0, 1.1) * _SPANS[granularity] * width for _ in range(2)]
    if dice.random() < 0.3:
        instants = [floor(instant, width) for instant in instants]
    if dice.random() < 0.4:
        instants[0] = now
    start, end = sorted(instants)
    limit = dice.choice([None, timedelta(minutes=dice.randint(1, 20_000)), timedelta(hours=dice.randint(1, 48))])
    gaps = dice.choice(["NULLS", "OMIT", "CARRY", "CARRY", "ERROR"])
    end = max(end, start + MICROSECOND)
    return Ask(start, end, interval, granularity, gaps, limit, dice.random() < 0.25)


async def ask_history(api: Api, ask: Ask, coins: Sequence[str], currency: str = "usd") -> list[dict[str, Any]]:
    answer = await api.ask(
        HISTORY,
        coins=list(coins),
        currency=currency,
        **{"from": iso(ask.start)},
        to=iso(ask.end),
        interval=ask.interval.value,
        gaps=ask.gaps,
        carryLimit=f"{int(ask.carry_limit.total_seconds())}s" if ask.carry_limit else None,
        finalOnly=ask.final_only,
        granularity=ask.granularity.value,
    )
    results: list[dict[str, Any]] = answer["priceHistory"]
    return results


async def read_quoted(database: Database, granularity: Granularity, coin_id: int, currency: str) -> list[Row]:
    """What is stored of a coin, in a currency that is stored for it or has a rate."""
    if currency == "usd" or coin_id == 1:
        return await read_rows(database, granularity, coin_id, USD if currency == "usd" else EUR)
    return convert(
        await read_rows(database, granularity, coin_id, USD),
        await read_rows(database, granularity, 1, USD),
        await read_rows(database, granularity, 1, EUR),
    )


def check_result(result: dict[str, Any], rows: Sequence[Row], ask: Ask, now: datetime) -> None:
    """Everything that an answer says about one coin follows from its rows."""
    points = expected_points(rows, ask, now)
    if ask.gaps == "ERROR" and (lacking := count_lacking(rows, ask, now)):
        assert result["history"] is None
        assert (result["error"]["code"], result["error"]["retryable"]) == ("DATA_INCOMPLETE", True)
        assert result["error"]["message"].startswith(f"samples are missing in {lacking:,} buckets")
        return
    assert result["error"] is None
    history = result["history"]
    for found, wanted in zip_longest(history["points"], _written(points)):
        assert found == wanted, f"{result['slug']}, {ask}: {found} is not {wanted}"
    assert history["columns"] == {name: [point[name] for point in history["points"]] for name in ("time", *VALUES)}
    assert (history["interval"], history["granularity"]) == (ask.interval.value, ask.granularity.value)
    _check_summary(history["summary"], history["points"])
    _check_coverage(history["coverage"], expected_coverage(rows, ask, now), ask.granularity.width)


def _written(value: Any) -> Any:
    """As the API writes it."""
    if isinstance(value, datetime):
        return iso(value.astimezone(UTC))
    if isinstance(value, dict):
        return {name: _written(one) for name, one in value.items()}
    return [_written(one) for one in value] if isinstance(value, list) else value


def _check_summary(summary: dict[str, Any], points: Sequence[dict[str, Any]]) -> None:
    stored = [point for point in points if point["origin"] not in ("MISSING", "CARRIED")]
    known = [{"time": point["time"], "price": point["price"]} for point in stored]
    prices, lows, highs = ([point[name] for point in stored] for name in ("price", "low", "high"))
    if not known:
        assert set(summary.values()) == {None}
        return
    assert (summary["first"], summary["last"]) == (known[0], known[-1])
    assert summary["min"] == known[lows.index(min(lows))]
    assert summary["max"] == known[highs.index(max(highs))]
    assert summary["mean"] == pytest.approx(math.fsum(prices) / len(prices))
    assert summary["changePercent"] == pytest.approx((stored[-1]["close"] / prices[0] - 1) * 100)
    falls = [1 - min(prices[place:]) / price for place, price in enumerate(prices)]
    assert summary["maxDrawdownPercent"] == pytest.approx(max(falls) * 100)


def _check_coverage(coverage: dict[str, Any], expected: dict[str, Any], width: timedelta) -> None:
    missing = expected.pop("missing")
    assert {name: coverage[name] for name in expected} == _written(expected)
    listed = [
        iso(start + width * place)
        for gap in coverage["gaps"]
        for start in [datetime.fromisoformat(gap["from"])]
        for place in range(gap["missingPoints"])
    ]
    assert listed == _written(missing)[: len(listed)]
    assert len(listed) == len(missing) or len(coverage["gaps"]) == 1000
    ends = [datetime.fromisoformat(gap["from"]) + width * gap["missingPoints"] for gap in coverage["gaps"]]
    assert [gap["to"] for gap in coverage["gaps"]] == _written(ends)
