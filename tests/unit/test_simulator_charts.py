"""Charts over HTTP: granularity, stamps, and the pair of now."""

from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import httpx
import pytest

from simulator.app import create_simulator
from simulator.settings import SimulatorSettings

HOUR_S, DAY_S = 3600, 86_400
NOW = 1_795_003_215  # 2026-11-18 12:00:15 UTC
PRO = {"x-cg-pro-api-key": "CG-pro"}
SETTINGS = SimulatorSettings(public_per_minute=1000)
CHART = "/coingecko/api/v3/coins/bitcoin/market_chart"
PRO_CHART = "/coingecko-pro/api/v3/coins/bitcoin/market_chart"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_at(NOW) as client:
        yield client


def client_at(now: float) -> httpx.AsyncClient:
    app = create_simulator(SETTINGS, lambda: now)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://simulator")


async def read(client: httpx.AsyncClient, path: str, **query: Any) -> dict[str, list[list[Any]]]:
    headers = PRO if "-pro/" in path else {}
    answer = await client.get(path, params={"vs_currency": "usd", **query}, headers=headers)
    assert answer.status_code == 200, answer.text
    chart: dict[str, list[list[Any]]] = answer.json()
    stamps = [[stamp for stamp, _ in rows] for rows in chart.values()]
    assert list(chart) == ["prices", "market_caps", "total_volumes"]
    assert stamps[0] == stamps[1] == stamps[2] == sorted(stamps[0])
    return chart


def spacing(chart: dict[str, list[list[Any]]]) -> int:
    """Seconds between two samples, rounded to what the provider has."""
    stamps = [stamp for stamp, _ in chart["prices"]]
    middle = sorted(after - before for before, after in pairwise(stamps))[len(stamps) // 2]
    return min((300, HOUR_S, DAY_S), key=lambda size: abs(size * 1000 - middle))


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (NOW - DAY_S, NOW, 300),
        (NOW - DAY_S, NOW + DAY_S // 2, HOUR_S),
        (NOW - HOUR_S * 6, NOW, 300),
        (NOW - DAY_S, NOW - 30, 300),
        (NOW - 3 * DAY_S, NOW - 2 * DAY_S, HOUR_S),
        (NOW - 2 * DAY_S, NOW, HOUR_S),
        (NOW - 90 * DAY_S, NOW, HOUR_S),
        (NOW - 91 * DAY_S, NOW, DAY_S),
        (NOW - 365 * DAY_S, NOW, DAY_S),
        (NOW - 300 * DAY_S, NOW - 210 * DAY_S, HOUR_S),
        (NOW - 300 * DAY_S, NOW - 209 * DAY_S, DAY_S),
    ],
)
async def test_a_range_has_the_granularity_of_its_length(
    client: httpx.AsyncClient, start: int, end: int, expected: int
) -> None:
    assert spacing(await read(client, f"{CHART}/range", **{"from": start, "to": end})) == expected


@pytest.mark.parametrize(
    ("days", "interval", "expected"),
    [
        (1, None, 300),
        (2, None, HOUR_S),
        (90, None, HOUR_S),
        (91, None, DAY_S),
        (365, None, DAY_S),
        (100, "hourly", HOUR_S),
        (1, "hourly", HOUR_S),
        (30, "daily", DAY_S),
    ],
)
async def test_the_last_days_have_their_granularity(
    client: httpx.AsyncClient, days: int, interval: str | None, expected: int
) -> None:
    query: dict[str, Any] = {"days": days} | ({} if interval is None else {"interval": interval})
    assert spacing(await read(client, CHART, **query)) == expected


async def test_a_paid_plan_may_ask_a_range_for_an_interval_and_by_date(client: httpx.AsyncClient) -> None:
    span = {"from": "2026-05-01", "to": "2026-05-31T12:00"}
    assert spacing(await read(client, f"{PRO_CHART}/range", **span)) == HOUR_S
    assert spacing(await read(client, f"{PRO_CHART}/range", interval="daily", **span)) == DAY_S


async def test_the_free_plan_ignores_the_interval_of_a_range(client: httpx.AsyncClient) -> None:
    span = {"from": NOW - 30 * DAY_S, "to": NOW}
    assert spacing(await read(client, f"{CHART}/range", interval="daily", **span)) == HOUR_S


@pytest.mark.parametrize("days", [1, 30, 365])
async def test_an_answer_that_reaches_now_ends_with_the_pair_of_now(client: httpx.AsyncClient, days: int) -> None:
    stamps = [stamp for stamp, _ in (await read(client, CHART, days=days))["prices"]]
    assert stamps[-1] == NOW * 1000
    assert stamps[-2] < NOW * 1000


async def test_a_range_of_the_past_has_no_pair_of_now(client: httpx.AsyncClient) -> None:
    chart = await read(client, f"{CHART}/range", **{"from": NOW - 5 * DAY_S, "to": NOW - 2 * DAY_S})
    assert chart["prices"][-1][0] <= (NOW - 2 * DAY_S) * 1000


async def test_todays_date_occurs_twice_in_a_daily_answer(client: httpx.AsyncClient) -> None:
    stamps = [stamp for stamp, _ in (await read(client, CHART, days=180))["prices"]]
    today = NOW // DAY_S * DAY_S * 1000
    assert stamps[-2:] == [today, NOW * 1000]


@pytest.mark.parametrize(
    ("path", "minutes", "is_there"),
    [(CHART, 9, False), (CHART, 11, True), (f"{CHART}/range", 34, False), (f"{CHART}/range", 36, True)],
)
async def test_a_day_appears_some_minutes_after_midnight(path: str, minutes: int, is_there: bool) -> None:
    midnight = NOW // DAY_S * DAY_S
    now = midnight + minutes * 60
    async with client_at(now) as client:
        chart = await read(client, path, days=180, **{"from": now - 180 * DAY_S, "to": now})
    assert (midnight * 1000 in [stamp for stamp, _ in chart["prices"]]) is is_there


async def test_the_current_price_is_the_pair_of_now(client: httpx.AsyncClient) -> None:
    query = {
        "ids": "bitcoin",
        "vs_currencies": "eur",
        "precision": "full",
        "include_market_cap": "true",
        "include_24hr_vol": "true",
        "include_last_updated_at": "true",
    }
    quote = (await client.get("/coingecko/api/v3/simple/price", params=query)).json()["bitcoin"]

    chart = await read(client, CHART, days=30, vs_currency="eur")

    assert {name: rows[-1][1] for name, rows in chart.items()} == {
        "prices": quote["eur"],
        "market_caps": quote["eur_market_cap"],
        "total_volumes": quote["eur_24h_vol"],
    }
    assert quote["last_updated_at"] == NOW


async def test_truth_is_found_again_in_the_hourly_and_in_the_daily_chart(client: httpx.AsyncClient) -> None:
    for granularity, days in (("HOURLY", 80), ("DAILY", 360)):
        span = {"from": (NOW // DAY_S - days) * DAY_S, "to": NOW // DAY_S * DAY_S}
        query = httpx.QueryParams(coin="bitcoin", currency="usd", granularity=granularity, **span)
        truth = (await client.get("/_control/truth", params=query)).json()

        chart = await read(client, f"{CHART}/range", **span)

        size = {"HOURLY": HOUR_S, "DAILY": DAY_S}[granularity]
        rows = zip(*chart.values(), strict=True)
        found = [[p[0] // 1000 // size * size, p[1], cap[1], volume[1]] for p, cap, volume in rows]
        assert [row for row in found if row[0] < span["to"]] == truth


async def test_before_the_listing_the_answer_is_empty(client: httpx.AsyncClient) -> None:
    span = {"from": NOW - 300 * DAY_S, "to": NOW - 250 * DAY_S}
    path = "/coingecko/api/v3/coins/newcomer/market_chart/range"
    assert await read(client, path, **span) == {"prices": [], "market_caps": [], "total_volumes": []}


async def test_the_paid_plan_has_days_from_2013_and_hours_from_2018(client: httpx.AsyncClient) -> None:
    days = await read(client, PRO_CHART, days="max")
    assert days["prices"][0][0] == 1_367_107_200_000
    hours = await read(client, f"{PRO_CHART}/range", **{"from": "2018-01-01", "to": "2018-03-01"})
    assert hours["prices"][0][0] // 1000 // HOUR_S * HOUR_S == 1_517_270_400


async def test_precision_shortens_prices_only(client: httpx.AsyncClient) -> None:
    chart = await read(client, CHART, days=2, precision=2)
    assert all(round(price, 2) == price for _, price in chart["prices"])
    assert any(round(cap, 2) != cap for _, cap in chart["market_caps"])


@pytest.mark.parametrize(("days", "length_s"), [(1, 1800), (7, 4 * HOUR_S), (30, 4 * HOUR_S), (365, 4 * DAY_S)])
async def test_candles_are_stamped_with_their_end(client: httpx.AsyncClient, days: int, length_s: int) -> None:
    path = f"/coingecko/api/v3/coins/bitcoin/ohlc?vs_currency=usd&days={days}"
    rows = (await client.get(path)).json()
    stamps = [row[0] for row in rows]
    assert stamps == list(range(stamps[0], stamps[-1] + 1, length_s * 1000))
    assert stamps[-1] <= NOW * 1000
    assert all(low <= min(first, last) <= max(first, last) <= high for _, first, high, low, last in rows)


async def test_the_history_of_a_date_is_its_midnight(client: httpx.AsyncClient) -> None:
    path = "/coingecko/api/v3/coins/bitcoin/history"
    page = (await client.get(path, params={"date": "01-06-2026"})).json()
    truth_query = "coin=bitcoin&currency=eur&granularity=DAILY&from=1780272000&to=1780358400"
    truth = (await client.get(f"/_control/truth?{truth_query}")).json()
    assert page["market_data"]["current_price"]["eur"] == truth[0][1]
