"""The largest and the smallest prices that people may set by hand, read back in a currency they are converted to."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from db.pool import Database
from db.series import HOUR, Granularity, floor
from tests.acceptance.api.histories import EUR, know
from tests.api import Api, add_points, execute, iso
from tests.world import NOW

pytestmark = pytest.mark.slow

HOUR_AGO = floor(NOW, HOUR) - HOUR
SET = """
mutation($input: ManualPriceInput!) {
  setManualPrice(input: $input) { point { price } errors { code message field } }
}
"""
READ = """
query($at: Time!) {
  coin(slug: "coin-2") {
    latestPrice(currency: "eur") { price marketCap volume24h change24hPercent }
    history(currency: "eur", from: "now-3h", interval: HOUR_1) {
      points { price high low marketCap volume24h }
      summary { mean changePercent maxDrawdownPercent }
    }
    candles: history(currency: "eur", from: "now-3d", interval: HOUR_4) { points { price high low close } }
  }
  pricesAt(inputs: [{coin: "coin-2", at: $at, currency: "eur"}]) { price error { code } }
}
"""


@pytest.fixture
async def converted(database: Database) -> Database:
    """Of two coins in dollars the first one has prices in euros too, which the other's are converted through."""
    await know(database, 2)
    for coin, currency in ((1, 1), (1, EUR), (2, 1)):
        await add_points(database, Granularity.HOURLY, [HOUR_AGO - HOUR, HOUR_AGO], coin, currency)
    latest = "select coin_id, currency_id, price, market_cap, volume_24h, observed_at, provider_id from price_hourly"
    await execute(
        database,
        "insert into price_latest (coin_id, currency_id, price, market_cap, volume_24h, observed_at, provider_id) "
        f"{latest} where ts = %s",
        HOUR_AGO,
    )
    return database


async def set_price(api: Api, coin: str, currency: str, **given: float) -> list[dict[str, Any]]:
    place = {"coin": coin, "currency": currency, "granularity": "HOURLY", "time": iso(HOUR_AGO)}
    payload = (await api.ask(SET, input=place | given))["setManualPrice"]
    errors: list[dict[str, Any]] = payload["errors"]
    return errors


async def test_prices_at_the_bounds_can_be_converted_whichever_they_are(converted: Database, api: Api) -> None:
    extremes = [
        {"price": 1e-40, "marketCap": 0.0, "volume24h": 0.0},
        dict.fromkeys(["price", "marketCap", "volume24h"], 1e40),
    ]
    for own, rate, base in product(extremes, repeat=3):
        for coin, currency, given in (("coin-2", "usd", own), ("coin-1", "eur", rate), ("coin-1", "usd", base)):
            assert await set_price(api, coin, currency, **given) == []

        found = await api.ask(READ, at=iso(HOUR_AGO))

        price = own["price"] * (rate["price"] / base["price"])
        assert found["coin"]["history"]["points"][-1]["price"] == pytest.approx(price)
        assert found["pricesAt"] == [{"price": pytest.approx(price), "error": None}]


@pytest.mark.parametrize(
    ("given", "field", "bound"),
    [
        ({"price": 1.7e308}, "price", "1e+40"),
        ({"price": 5e-324}, "price", "1e-40"),
        ({"price": 1.0, "marketCap": 1e41}, "marketCap", "1e+40"),
        ({"price": 1.0, "volume24h": 1e307}, "volume24h", "1e+40"),
    ],
)
async def test_what_lies_beyond_the_bounds_is_refused_with_the_bound(
    converted: Database, api: Api, given: dict[str, float], field: str, bound: str
) -> None:
    (error,) = await set_price(api, "coin-2", "usd", **given)
    assert (error["code"], error["field"]) == ("BAD_INPUT", ["input", field])
    assert bound in error["message"]
