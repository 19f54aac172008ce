"""CoinPaprika: the same market under other ids, zeros for what is missing, and the limits of its free plan."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from simulator.app import create_simulator
from simulator.settings import SimulatorSettings

HOUR_S, DAY_S = 3600, 86_400
NOW = 1_795_003_215.25  # 2026-11-18 12:00:15 UTC
TODAY = int(NOW) // DAY_S * DAY_S
API = "/coinpaprika/v1"
HISTORY = f"{API}/tickers/btc-bitcoin/historical"
PLANS = "is not allowed in this plan. Check plans on coinpaprika.com/api"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = create_simulator(SimulatorSettings(), lambda: NOW)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://simulator") as client:
        yield client


async def read(client: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_days_cost_what_coingecko_says(client: httpx.AsyncClient) -> None:
    start = TODAY - 300 * DAY_S
    truth_url = f"/_control/truth?coin=bitcoin&currency=usd&granularity=DAILY&from={start}&to={TODAY}"
    truth = {day: price for day, price, _, _ in (await client.get(truth_url)).json()}
    rows = await read(client, HISTORY, start=start, end=TODAY, interval="1d")
    assert len(rows) == 300
    assert [row["price"] for row in rows] == list(truth.values())
    assert rows[0]["timestamp"] == "2026-01-22T00:00:00Z"


@pytest.mark.parametrize(("granularity", "interval", "days"), [("HOURLY", "1h", 1), ("DAILY", "24h", 300)])
async def test_truth_is_found_again_in_the_history(
    client: httpx.AsyncClient, granularity: str, interval: str, days: int
) -> None:
    start = int(NOW) - days * DAY_S + 60
    query = f"provider=coinpaprika&coin=ethereum&currency=btc&granularity={granularity}&from={start}&to={int(NOW)}"
    truth = (await client.get(f"/_control/truth?{query}")).json()
    path = f"{API}/tickers/eth-ethereum/historical"
    rows = await read(client, path, start=start, quote="btc", interval=interval)
    found = [[row["price"], row["market_cap"], row["volume_24h"]] for row in rows]
    assert found[: len(truth)] == [row[1:] for row in truth]
    assert len(found) == len(truth) + 1  # the bucket of now is not over


async def test_the_end_is_excluded_and_a_start_can_be_a_date(client: httpx.AsyncClient) -> None:
    span = {"start": "2026-11-01", "end": "2026-11-04T00:00:00Z", "interval": "1d"}
    rows = await read(client, HISTORY, **span)
    assert [row["timestamp"][:10] for row in rows] == ["2026-11-01", "2026-11-02", "2026-11-03"]
    assert await read(client, HISTORY, **span, limit=2) == rows[:2]
    assert await read(client, HISTORY, start="2026-10-01", interval="7d", limit=1) != rows[:1]


@pytest.mark.parametrize(
    ("interval", "age", "kind", "boundary"),
    [
        ("1d", 365 * DAY_S + 1, "daily", "2025-11-18 12:00:15.250000000"),
        ("1h", DAY_S + 1, "hourly", "2026-11-17 12:00:15.250000000"),
        ("5m", 1, "5m", "2026-11-18 12:00:15.250000000"),
    ],
)
async def test_a_history_beyond_the_plan_is_refused_with_its_boundary(
    client: httpx.AsyncClient, interval: str, age: int, kind: str, boundary: str
) -> None:
    answer = await client.get(HISTORY, params={"start": int(NOW) - age, "interval": interval})
    assert answer.status_code == 402
    assert answer.json() == {"error": f"Getting {kind} historical data before {boundary} +0000 UTC {PLANS}"}


async def test_the_interval_that_is_meant_when_none_is_said_is_not_in_the_plan(client: httpx.AsyncClient) -> None:
    assert (await client.get(HISTORY, params={"start": int(NOW) - HOUR_S})).status_code == 402


async def test_a_ticker_has_the_price_of_the_last_five_minutes_in_each_currency(client: httpx.AsyncClient) -> None:
    ticker = await read(client, f"{API}/tickers/btc-bitcoin", quotes="USD,BTC")
    assert ticker["last_updated"] == "2026-11-18T12:00:00Z"
    assert ticker["quotes"]["BTC"]["price"] == 1
    hours = await read(client, HISTORY, start=int(NOW) - HOUR_S, interval="1h")
    assert hours[-1]["timestamp"] == ticker["last_updated"]
    assert hours[-1]["price"] == ticker["quotes"]["USD"]["price"]


async def test_what_is_missing_is_zero(client: httpx.AsyncClient) -> None:
    ethereum = await read(client, f"{API}/tickers/eth-ethereum")
    assert ethereum["max_supply"] == 0
    coins = await read(client, f"{API}/coins")
    dead = [coin for coin in coins if not coin["is_active"]]
    assert {coin["rank"] for coin in dead} == {0}
    capless = next(coin for coin in coins if coin["is_active"] and coin["rank"] == 0)
    ticker = await read(client, f"{API}/tickers/{capless['id']}")
    assert ticker["quotes"]["USD"]["market_cap"] == 0
    assert ticker["quotes"]["USD"]["price"] > 0
    rows = await read(client, f"{API}/tickers/{capless['id']}/historical", start=TODAY - 3 * DAY_S, interval="1d")
    assert [row["market_cap"] for row in rows] == [0] * 4


async def test_tickers_are_the_largest_two_thousand(client: httpx.AsyncClient) -> None:
    tickers = await read(client, f"{API}/tickers")
    assert [ticker["rank"] for ticker in tickers] == list(range(1, 2001))
    assert (tickers[0]["id"], list(tickers[0]["quotes"])) == ("btc-bitcoin", ["USD"])
    assert await read(client, f"{API}/tickers", limit=3) == tickers[:3]


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/tickers/nothing", 404, "id not found"),
        ("/tickers/xxx-bitcoin", 404, "id not found"),
        ("/nowhere", 404, "id not found"),
        ("/tickers/btc-bitcoin/historical?interval=1d", 400, "invalid parameters"),
        ("/tickers/btc-bitcoin/historical?interval=2d&start=2026-11-01", 400, "invalid parameters"),
        ("/tickers/btc-bitcoin/historical?interval=1d&start=2026-11-01&quote=eur", 400, "invalid parameters"),
        ("/tickers/btc-bitcoin/historical?interval=1d&start=2026-11-01&limit=0", 400, "invalid parameters"),
    ],
)
async def test_an_error_is_one_sentence(client: httpx.AsyncClient, path: str, status: int, words: str) -> None:
    answer = await client.get(f"{API}{path}")
    assert (answer.status_code, answer.json()) == (status, {"error": words})


async def test_a_second_has_ten_calls_and_a_month_as_many_as_the_plan() -> None:
    now = [NOW]
    app = create_simulator(SimulatorSettings(coinpaprika_monthly=12), lambda: now[0])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://simulator") as client:
        first = [(await client.get(f"{API}/tickers/btc-bitcoin")).status_code for _ in range(11)]
        now[0] += 1
        second = [(await client.get(f"{API}/tickers/btc-bitcoin")).status_code for _ in range(3)]
        spent = await client.get(f"{API}/tickers/btc-bitcoin")
    assert (first, second) == ([200] * 10 + [429], [200, 200, 402])
    assert "This plan has 12 monthly requests limit" in spent.json()["error"]
