"""Coinbase Exchange: candles of the same market, newest first, where something was traded."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.app import create_simulator
from simulator.candles import Candles, Pair
from simulator.currencies import CURRENCIES
from simulator.market import Market
from simulator.settings import SimulatorSettings

HOUR_S, DAY_S = 3600, 86_400
NOW = 1_795_003_215  # 2026-11-18 12:00:15 UTC
NOON = NOW - 15
API = "/coinbase-exchange"
MARKET = Market(SimulatorSettings())
SIZES = (60, 300, 900, HOUR_S, 6 * HOUR_S, DAY_S)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = create_simulator(SimulatorSettings(public_per_minute=1000, coinbase_burst=1000), lambda: NOW)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://simulator") as client:
        yield client


async def candles(client: httpx.AsyncClient, product: str = "BTC-USD", **query: Any) -> list[list[float]]:
    answer = await client.get(f"{API}/products/{product}/candles", params=query)
    assert answer.status_code == 200, answer.text
    rows: list[list[float]] = answer.json()
    assert rows == sorted(rows, reverse=True)
    assert all(low <= min(first, last) <= max(first, last) <= high for _, low, high, first, last, _ in rows)
    return rows


def span(hours: int, size: int = HOUR_S) -> dict[str, Any]:
    return {"granularity": size, "start": NOON - hours * HOUR_S, "end": NOON}


async def test_a_candle_opens_with_the_price_that_coingecko_has_of_the_hour(client: httpx.AsyncClient) -> None:
    truth_url = f"/_control/truth?coin=ethereum&currency=eur&granularity=HOURLY&from={NOON - 90 * HOUR_S}&to={NOON}"
    truth = {hour: price for hour, price, _, _ in (await client.get(truth_url)).json()}
    opened = {row[0]: row[3] for row in await candles(client, "ETH-EUR", **span(90)) if row[0] < NOON}
    assert opened == truth
    assert len(truth) == 90


async def test_the_extremes_are_those_of_every_five_minutes_within(client: httpx.AsyncClient) -> None:
    small = await candles(client, **span(24, 300))
    for low_of, high_of, size in ((min, max, HOUR_S), (min, max, 6 * HOUR_S), (min, max, DAY_S)):
        for start, low, high, first, last, volume in await candles(client, **span(48, size)):
            within = [row for row in small if start <= row[0] < start + size]
            if len(within) == size // 300:
                assert low == low_of(row[1] for row in within)
                assert high == high_of(row[2] for row in within)
                assert (first, last) == (within[-1][3], within[0][4])
                assert volume == pytest.approx(sum(row[5] for row in within))


unhurried = settings(deadline=None, max_examples=30)


@unhurried
@given(
    st.sampled_from(["bitcoin", "solana", "shiba-inu"]),
    st.sampled_from(["usd", "eur", "btc"]),
    st.sampled_from(SIZES),
    st.integers(min_value=NOW - 300 * DAY_S, max_value=NOW - DAY_S),
)
def test_no_price_between_leaves_the_candle(coin: str, code: str, size: int, second: int) -> None:
    pair = Pair(MARKET.coins[coin], CURRENCIES[code], listed=0)
    candle = Candles(MARKET).candle(pair, second // size * size, size, NOW)
    quote = MARKET.quote(pair.coin, pair.currency, second)
    assert candle
    assert quote
    assert candle.low * 0.9995 < quote.price < candle.high * 1.0005  # some full five minutes are rounded


async def test_a_range_has_both_its_ends_and_at_most_301_candles(client: httpx.AsyncClient) -> None:
    rows = await candles(client, **span(300))
    assert (rows[0][0], rows[-1][0], len(rows)) == (NOON, NOON - 300 * HOUR_S, 301)
    refused = await client.get(f"{API}/products/BTC-USD/candles", params=span(301))
    assert refused.status_code == 400
    assert refused.json()["message"].endswith("Count of aggregations requested exceeds 300")


async def test_without_both_ends_the_newest_350_candles_come(client: httpx.AsyncClient) -> None:
    halves: list[dict[str, Any]] = [{}, {"start": NOON - 3 * HOUR_S}, {"end": NOON - 3 * HOUR_S}]
    for ends in halves:
        rows = await candles(client, granularity=300, **ends)
        assert (rows[0][0], len(rows)) == (NOON, 350)


async def test_an_end_can_be_written_as_a_date(client: httpx.AsyncClient) -> None:
    written: dict[str, Any] = {
        "granularity": HOUR_S,
        "start": "2026-11-18T08:00:00Z",
        "end": "2026-11-18T12:00:00+00:00",
    }
    assert await candles(client, **written) == await candles(client, **span(4))


async def test_the_candle_of_now_is_not_over(client: httpx.AsyncClient) -> None:
    (open_candle,) = await candles(client, granularity=HOUR_S, start=NOON, end=NOW)
    truth_url = f"/_control/truth?provider=coinbase-exchange&coin=bitcoin&currency=usd&from={NOON - HOUR_S}&to={NOW}"
    truth = (await client.get(f"{truth_url}&granularity=HOURLY")).json()
    assert open_candle[0] == NOON
    assert [row[0] for row in truth] == [NOON - HOUR_S]


@pytest.mark.parametrize(("granularity", "size"), [("HOURLY", HOUR_S), ("DAILY", DAY_S)])
async def test_truth_is_every_candle_that_is_over(client: httpx.AsyncClient, granularity: str, size: int) -> None:
    start = (NOW // DAY_S - 5) * DAY_S
    query = f"provider=coinbase-exchange&coin=solana&currency=gbp&granularity={granularity}&from={start}&to={NOW}"
    truth = (await client.get(f"/_control/truth?{query}")).json()
    rows = await candles(client, "SOL-GBP", granularity=size, start=start, end=NOW)
    assert truth == [row for row in rows[::-1] if row[0] + size <= NOW]


async def test_where_nothing_was_traded_there_is_no_row(client: httpx.AsyncClient) -> None:
    rows = await candles(client, "LTC-GBP", **span(250))
    assert 200 < len(rows) < 250
    assert len(await candles(client, "LTC-USD", **span(250))) == 251


async def test_before_the_listing_the_answer_is_empty(client: httpx.AsyncClient) -> None:
    assert await candles(client, "ETH-USD", granularity=DAY_S, start="2016-01-01", end="2016-05-01") == []


async def test_products_name_their_two_currencies(client: httpx.AsyncClient) -> None:
    products = (await client.get(f"{API}/products")).json()
    by_id = {product["id"]: product for product in products}
    assert by_id["BTC-USD"].items() >= {"base_currency": "BTC", "quote_currency": "USD", "status": "online"}.items()
    assert "BTC-BTC" not in by_id
    assert "NEW-USD" not in by_id


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/products/BTC-USD/candles?granularity=7200", 400, "Unsupported granularity"),
        ("/products/BTC-USD/candles?granularity=x", 400, "Unsupported granularity"),
        ("/products/BTC-USD/candles?granularity=60&start=x&end=y", 400, "Invalid start or end"),
        ("/products/NEW-USD/candles?granularity=60", 404, "NotFound"),
        ("/nowhere", 404, "NotFound"),
    ],
)
async def test_an_error_is_a_message(client: httpx.AsyncClient, path: str, status: int, message: str) -> None:
    answer = await client.get(f"{API}{path}")
    assert (answer.status_code, answer.json()) == (status, {"message": message})


async def test_whoever_does_not_say_who_it_is_gets_nothing(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{API}/products", headers={"user-agent": ""})
    assert answer.status_code == 400


async def test_fifteen_at_once_are_answered_and_then_ten_a_second() -> None:
    now = [float(NOW)]
    app = create_simulator(SimulatorSettings(), lambda: now[0])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://simulator") as client:

        async def answered(asked: int) -> int:
            statuses = [(await client.get(f"{API}/products")).status_code for _ in range(asked)]
            return statuses.count(200)

        assert await answered(20) == 15
        now[0] += 1.0
        assert await answered(20) == 10
        now[0] += 60.0
        assert await answered(20) == 15
        assert (await client.get(f"{API}/products")).json() == {"message": "Public rate limit exceeded"}


async def test_a_pair_that_is_not_traded_has_no_truth(client: httpx.AsyncClient) -> None:
    query = "provider=coinbase-exchange&coin=tron&currency=usd&granularity=HOURLY&from=0&to=1"
    answer = await client.get(f"/_control/truth?{query}")
    assert answer.status_code == 400
    assert "no such pair" in answer.json()["error"]
