"""`pricesAt`: the stored sample nearest to each instant, by the provider's own stamp."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from db.pool import Database
from db.series import DAY, HOUR, Granularity, floor
from resolvers.durations import format_duration
from tests.acceptance.api.histories import EUR, USD, forget, know, random_row, random_rows, store
from tests.api import Api, iso
from tests.oracle import Row, convert, read_rows
from tests.world import NOW

PRICES_AT = """
query PricesAt($inputs: [PriceAtInput!]!) {
  pricesAt(inputs: $inputs) {
    coin at price observedAt distance granularity provider fxRate fxRateAt error { code field retryable }
  }
}
"""
SECOND = timedelta(seconds=1)
NOTHING = dict.fromkeys(["at", "price", "observedAt", "distance", "granularity", "provider", "fxRate", "fxRateAt"])
Stored = dict[tuple[Granularity, int, int], list[Row]]


async def ask(api: Api, inputs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = (await api.ask(PRICES_AT, inputs=inputs))["pricesAt"]
    return answers


def seconds(duration: timedelta) -> str:
    return f"{duration // SECOND}s"


async def fill(database: Database, dice: random.Random) -> Stored:
    """Two coins in usd, the first in eur too; some days carry the very sample of their first hour, and some stamps are
    whole seconds, so that samples are equally near.
    """
    await forget(database)
    stored: Stored = {}
    for coin, currency in ((1, USD), (1, EUR), (2, USD)):
        hours = [_rounded(dice, row) for row in random_rows(dice, Granularity.HOURLY, NOW)]
        first_hours = {row.ts: row for row in hours}
        days = random_rows(dice, Granularity.DAILY, NOW)
        days = [first_hours[row.ts] if row.ts in first_hours and dice.random() < 0.5 else row for row in days]
        for granularity, rows in ((Granularity.HOURLY, hours), (Granularity.DAILY, days)):
            await store(database, granularity, rows, coin, currency)
            stored[granularity, coin, currency] = await read_rows(database, granularity, coin, currency)
    return stored


def _rounded(dice: random.Random, row: Row) -> Row:
    at = dice.choice([row.ts, floor(row.observed_at, SECOND), row.observed_at])
    return row._replace(observed_at=at, price=dice.uniform(1, 9), provider_id=2)


def random_input(dice: random.Random, stored: Stored) -> dict[str, Any]:
    """Near a sample: on it, at the edge of the tolerance, a moment beyond it, half-way to the next; or anywhere."""
    currency = dice.choice(["usd", "usd", "eur"])
    coin = dice.choice([1, 2])
    rows = stored[dice.choice(list(Granularity)), coin, USD]
    near = dice.choice(rows).observed_at if rows else NOW
    tolerance = dice.choice([HOUR / 2, HOUR, 26 * HOUR, dice.randint(1, 400_000) * SECOND])
    off = dice.choice([timedelta(0), tolerance, tolerance + timedelta(microseconds=1), HOUR / 2, dice.random() * DAY])
    at = min(NOW, near + dice.choice([-1, 1]) * off)
    return {"coin": f"coin-{coin}", "at": iso(at), "currency": currency, "tolerance": seconds(tolerance)}


def expected(given: dict[str, Any], stored: Stored) -> dict[str, Any]:
    """By looking at every sample there is."""
    at, tolerance = datetime.fromisoformat(given["at"]), int(given["tolerance"][:-1]) * SECOND
    coin = int(given["coin"][-1])
    currency = EUR if (coin, given["currency"]) == (1, "eur") else USD
    samples = [
        (abs(row.observed_at - at), granularity is Granularity.DAILY, row.ts, row, granularity)
        for granularity in Granularity
        for row in stored[granularity, coin, currency]
        if abs(row.observed_at - at) <= tolerance
    ]
    if not samples:
        error = {"code": "NO_DATA", "field": ["at"], "retryable": True}
        return NOTHING | {"coin": given["coin"], "error": error}
    distance, _, _, row, granularity = min(samples)
    if (coin, given["currency"]) == (2, "eur"):
        rates = [stored[granularity, 1, one] for one in (USD, EUR)]
        converted = convert([row], *rates)
        if not converted:
            error = {"code": "FX_UNAVAILABLE", "field": ["currency"], "retryable": False}
            return NOTHING | {"coin": given["coin"], "error": error}
        row = converted[0]
    return {
        "coin": given["coin"],
        "at": given["at"],
        "price": row.price,
        "observedAt": iso(row.observed_at),
        "distance": format_duration(distance),
        "granularity": granularity.value,
        "provider": "MANUAL" if row.provider_id == 1 else "COINGECKO",
        "fxRate": row.rate,
        "fxRateAt": iso(row.rated_at) if row.rated_at else None,
        "error": None,
    }


async def test_each_answer_is_the_nearest_of_all_stored_samples(api: Api, database: Database) -> None:
    dice = random.Random(366)
    await know(database, 2)
    outcomes = set()
    for _ in range(4):
        stored = await fill(database, dice)
        inputs = [random_input(dice, stored) for _ in range(250)]

        answers = await ask(api, inputs)

        for given, answer in zip(inputs, answers, strict=True):
            assert answer == expected(given, stored), given
            outcomes.add(answer["error"] and answer["error"]["code"])
    assert outcomes == {None, "NO_DATA", "FX_UNAVAILABLE"}


async def test_the_hourly_sample_is_preferred_where_both_stores_have_one_equally_near(
    api: Api, database: Database
) -> None:
    await know(database, 1)
    midnight = floor(NOW, DAY)
    row = random_row(random.Random(1), midnight)._replace(price=1.0, observed_at=midnight + 41 * SECOND)
    await store(database, Granularity.DAILY, [row._replace(price=2.0)], 1)
    await store(database, Granularity.HOURLY, [row], 1)

    inputs = [{"coin": "coin-1", "at": iso(midnight + off)} for off in (timedelta(0), 41 * SECOND)]
    answers = await ask(api, inputs)

    assert [(answer["price"], answer["granularity"]) for answer in answers] == [(1.0, "HOURLY")] * 2
    assert [answer["distance"] for answer in answers] == ["41s", "0s"]


WRONG: list[tuple[dict[str, str], str, list[str] | None]] = [
    ({"coin": "nothing"}, "NOT_FOUND", ["coin"]),
    ({"coin": "\x00"}, "NOT_FOUND", ["coin"]),
    ({"at": "now+1s"}, "RANGE_INVALID", ["at"]),
    ({"at": "now+999999y"}, "RANGE_INVALID", None),
    ({"at": "now-999999y"}, "RANGE_INVALID", None),
    ({"at": "0001-01-01T00:00:00Z"}, "NO_DATA", ["at"]),
    ({"at": "now-3d"}, "NO_DATA", ["at"]),
    ({"tolerance": "367d"}, "BAD_INPUT", ["tolerance"]),
    ({"currency": "gbp"}, "FX_UNAVAILABLE", ["currency"]),
    ({"currency": "zzz"}, "NOT_FOUND", ["currency"]),
]


async def test_what_is_wrong_with_one_fails_no_other(api: Api, database: Database) -> None:
    await know(database, 1)
    row = random_row(random.Random(1), floor(NOW, HOUR))
    await store(database, Granularity.HOURLY, [row], 1)
    good = {"coin": "coin-1", "at": "now"}

    answers = await ask(api, [good, *[good | wrong for wrong, _, _ in WRONG], good])

    assert [answer["price"] for answer in answers] == [row.price, *[None] * len(WRONG), row.price]
    errors = [(answer["error"]["code"], answer["error"]["field"]) for answer in answers[1:-1]]
    assert errors == [(code, field) for _, code, field in WRONG]


async def test_no_inputs_are_no_answers_and_a_thousand_and_one_too_many(api: Api, database: Database) -> None:
    await know(database, 1)
    assert await ask(api, []) == []

    error = await api.fail(PRICES_AT, inputs=[{"coin": "coin-1", "at": "now"}] * 1001)

    assert error["extensions"]["code"] == "COST_EXCEEDED"
