"""Prices in currencies that are not stored: converted with the rate of their own time or an earlier one, or not at all.

usd is stored for every coin, eur for the first one alone, and gbp for none.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from db.pool import Database
from db.series import DAY, HOUR, Granularity, floor
from resolvers.intervals import Interval
from tests.acceptance.api.histories import EUR, USD, ask_history, forget, know, random_row, random_rows, store
from tests.api import Api, execute, iso
from tests.oracle import Ask, convert, read_rows
from tests.world import NOW, hours_ago

pytestmark = pytest.mark.slow  # in all, not each

HOURLY = Granularity.HOURLY
THREE_DAYS = timedelta(days=3)


async def prices(database: Database, coin: int, currency: int, values: dict[int, float]) -> None:
    """By age in hours."""
    dice = random.Random(0)
    rows = [
        random_row(dice, hours_ago(age))._replace(price=value, high=None, low=None, provider_id=2, provisional=False)
        for age, value in values.items()
    ]
    await store(database, HOURLY, rows, coin, currency)


async def points(api: Api, hours: int, coin: str = "coin-2", interval: Interval = Interval.HOUR_1) -> Any:
    ask = Ask(hours_ago(hours), hours_ago(0), interval, HOURLY)
    (result,) = await ask_history(api, ask, [coin], "eur")
    return result["history"]["points"]


async def test_no_rate_is_later_than_its_point_and_what_has_none_is_missing_for_that_reason(
    api: Api, database: Database
) -> None:
    dice = random.Random(77)
    await know(database, 2)
    for _ in range(8):
        await forget(database)
        for granularity in Granularity:
            await store(database, granularity, random_rows(dice, granularity, NOW), 2)
            both = random_rows(dice, granularity, NOW)
            for currency in (USD, EUR):
                rates = [random_row(dice, row.ts) for row in both if dice.random() < 0.6]
                await store(database, granularity, rates, 1, currency)
            width = granularity.width
            interval = Interval.HOUR_1 if granularity is HOURLY else Interval.DAY_1
            ask = Ask(floor(NOW, width) - dice.randint(50, 280) * width, NOW, interval, granularity)
            (result,) = await ask_history(api, ask, ["coin-2"], "eur")
            await _check_rates(database, result["history"], granularity)


async def _check_rates(database: Database, history: dict[str, Any], granularity: Granularity) -> None:
    stored = {iso(row.ts): row for row in await read_rows(database, granularity, 2, USD)}
    dollars = {iso(row.ts): row.price for row in await read_rows(database, granularity, 1, USD)}
    euros = {iso(row.ts): row.price for row in await read_rows(database, granularity, 1, EUR)}
    rates = {time: euros[time] / dollars[time] for time in dollars if time in euros}
    unrated = set()
    for point in history["points"]:
        time, rated_at = point["time"], point["fxRateAt"]
        row = stored.get(time)
        usable = [one for one in rates if one <= time and _age(one, time) <= THREE_DAYS]
        if row and usable:
            assert (point["origin"], rated_at, point["fxRate"]) == ("DERIVED", max(usable), rates[max(usable)])
            assert point["price"] == row.price * rates[rated_at]
        else:
            assert (point["origin"], point["price"], point["fxRate"], rated_at) == ("MISSING", None, None, None)
            unrated |= {time} if row else set()
    reasons = _reasons(history["coverage"], granularity.width)
    assert {time for time, reason in reasons.items() if reason == "FX_UNAVAILABLE"} == unrated
    assert set(reasons) == {point["time"] for point in history["points"] if point["origin"] == "MISSING"}
    expected, actual = history["coverage"]["expectedPoints"], history["coverage"]["actualPoints"]
    assert expected == actual + len(reasons)


def _age(time: str, at: str) -> timedelta:
    return datetime.fromisoformat(at) - datetime.fromisoformat(time)


def _reasons(coverage: dict[str, Any], width: timedelta) -> dict[str, str]:
    """Why each missing bucket is missing."""
    return {
        iso(datetime.fromisoformat(gap["from"]) + place * width): gap["reason"]
        for gap in coverage["gaps"]
        for place in range(gap["missingPoints"])
    }


async def test_the_last_rate_before_stands_in_for_three_days_and_not_an_hour_longer(
    api: Api, database: Database
) -> None:
    await know(database, 2)
    await prices(database, 2, USD, dict.fromkeys(range(1, 90), 10.0))
    await prices(database, 1, USD, {80: 4.0, 2: 4.0})
    await prices(database, 1, EUR, {80: 2.0, 2: 1.0})

    found = await points(api, 85)

    rates = [(point["origin"], point["fxRate"], point["fxRateAt"]) for point in found]
    before, rated, after = ("MISSING", None, None), ("DERIVED", 0.5, iso(hours_ago(80))), ("MISSING", None, None)
    assert rates == [before] * 5 + [rated] * 73 + [after] * 5 + [("DERIVED", 0.25, iso(hours_ago(2)))] * 2
    assert {point["price"] for point in found} == {None, 5.0, 2.5}


async def test_a_candle_converts_each_sample_with_the_rate_of_its_own_time(api: Api, database: Database) -> None:
    await know(database, 2)
    first = hours_ago(0) - floor(NOW - 8 * HOUR, 4 * HOUR)
    oldest = first // HOUR
    await prices(database, 2, USD, {oldest: 10.0, oldest - 1: 10.0, oldest - 2: 10.0, oldest - 3: 10.0})
    await prices(database, 1, USD, dict.fromkeys(range(oldest - 3, oldest + 1), 1.0))
    await prices(database, 1, EUR, {oldest: 2.0, oldest - 1: 5.0, oldest - 2: 0.5, oldest - 3: 3.0})

    candle = (await points(api, oldest, interval=Interval.HOUR_4))[0]

    assert [candle[name] for name in ("open", "high", "low", "close", "samples")] == [20.0, 50.0, 5.0, 30.0, 4]
    assert (candle["fxRate"], candle["fxRateAt"]) == (2.0, iso(hours_ago(oldest)))


async def test_the_coin_that_is_stored_in_the_currency_is_observed_in_it(api: Api, database: Database) -> None:
    await know(database, 1)
    await prices(database, 1, USD, {1: 4.0, 2: 4.0})
    await prices(database, 1, EUR, {1: 3.0})

    found = await points(api, 2, "coin-1")

    assert [(point["origin"], point["price"], point["fxRate"]) for point in found] == [
        ("MISSING", None, None),
        ("OBSERVED", 3.0, None),
    ]


ASKS = {
    "history": 'query($c: String!) { coin(slug: "coin-2") { history(currency: $c) { points { price } } } }',
    "priceHistory": 'query($c: String!) { priceHistory(coins: ["coin-2"], currency: $c) { slug } }',
    "latestPrice": 'query($c: String!) { coin(slug: "coin-2") { latestPrice(currency: $c) { price } } }',
    "coverage": 'query($c: String!) { coin(slug: "coin-2") { coverage(currency: $c) { completeness } } }',
}


async def test_a_currency_that_is_neither_stored_nor_rated_is_refused_and_an_unknown_one_not_found(
    api: Api, database: Database
) -> None:
    await know(database, 2)

    for field, query in ASKS.items():
        for currency, code in (("gbp", "FX_UNAVAILABLE"), ("zzz", "NOT_FOUND")):
            error = await api.fail(query, c=currency)
            assert error["extensions"]["code"] == code, field
            assert currency in error["message"]
        await api.ask(query, c="EUR")


LATEST = """
query Latest($currency: String!) {
  coins(orderBy: SLUG) {
    nodes { latestPrice(currency: $currency) { price marketCap volume24h change24hPercent observedAt fxRate fxRateAt } }
  }
}
"""


async def test_the_latest_price_takes_the_rate_of_its_own_hour_or_an_earlier_one(api: Api, database: Database) -> None:
    dice = random.Random(4)
    await know(database, 2)
    for _ in range(15):
        await forget(database)
        observed = NOW - timedelta(seconds=dice.randint(0, 100_000))
        day_before = floor(observed - DAY + HOUR / 2, HOUR)
        for currency in (USD, EUR):
            ages = [age for age in range(110) if dice.random() < dice.choice([0.02, 0.9])]
            await prices(database, 1, currency, {age: dice.uniform(1, 9) for age in ages})
        base = random_row(dice, day_before)
        await store(database, HOURLY, [base], 2)
        await execute(
            database,
            "insert into price_latest (coin_id, currency_id, price, volume_24h, observed_at, provider_id) "
            "values (2, 1, 12.5, 3.0, %s, 2)",
            observed,
        )
        now = random_row(dice, floor(observed, HOUR))._replace(price=12.5)
        rates = [await read_rows(database, HOURLY, 1, currency) for currency in (USD, EUR)]

        body = (await api.post(LATEST, {"currency": "eur"})).json()

        converted = convert([now], *rates)
        found = body["data"]["coins"]["nodes"][1]["latestPrice"]
        if not converted:
            assert found is None
            assert body["errors"][0]["extensions"]["code"] == "FX_UNAVAILABLE"
            continue
        (price,), before = converted, convert([base], *rates)
        assert price.rated_at
        assert price.rate
        assert price.rated_at <= observed
        assert found == {
            "price": price.price,
            "marketCap": None,
            "volume24h": 3.0 * price.rate,
            "change24hPercent": (price.price / before[0].price - 1) * 100 if before else None,
            "observedAt": iso(observed),
            "fxRate": price.rate,
            "fxRateAt": iso(price.rated_at),
        }
