"""The provider's official client, which checks every answer against the provider's own specification."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from coingecko_sdk import AsyncCoingecko, AuthenticationError, Coingecko, NotFoundError, RateLimitError
from coingecko_sdk._models import BaseModel
from coingecko_sdk.types.simple.price_get_response import PriceGetResponseItem

from pricegraph.serve import listen, serving
from simulator.app import create_simulator
from simulator.settings import SimulatorSettings

HOUR_S, DAY_S = 3600, 86_400
NOW = 1_795_203_432  # 2026-11-20 19:37:12 UTC
Call = Callable[[AsyncCoingecko], Awaitable[Any]]
pytestmark = pytest.mark.slow  # each is short, but the client's models take seconds to build


@pytest.fixture
async def simulator() -> AsyncIterator[str]:
    """Its address."""
    async with simulator_at(lambda: NOW) as url:
        yield url


@asynccontextmanager
async def simulator_at(clock: Callable[[], float]) -> AsyncIterator[str]:
    listener = listen("127.0.0.1", 0)
    async with serving(create_simulator(SimulatorSettings(), clock), listener):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@asynccontextmanager
async def client_of(url: str, **settings: Any) -> AsyncIterator[AsyncCoingecko]:
    """Of the free plan unless told. Certificates are slow to read and no TLS is spoken here."""
    given: dict[str, Any] = {
        "demo_api_key": "CG-demo",
        "base_url": f"{url}/coingecko/api/v3",
        "max_retries": 0,
    } | settings
    http = httpx.AsyncClient(verify=False, timeout=10)
    async with AsyncCoingecko(**given, http_client=http, _strict_response_validation=True) as client:
        yield client


def models(value: Any) -> Iterator[BaseModel]:
    """Every model inside an answer."""
    if isinstance(value, BaseModel):
        yield value
        value = [getattr(value, name) for name in type(value).model_fields]
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from models(inner)


def assert_understood(answer: Any) -> None:
    """The client raises where a type is not the declared one, and fills what is missing with None: look for that."""
    for model in models(answer):
        # The client's model of a price declares dollars only.
        undeclared = (model.model_extra or {}).keys() - UNDECLARED
        assert not undeclared or isinstance(model, PriceGetResponseItem), (type(model), undeclared)
        values = [getattr(model, name) for name in type(model).model_fields]
        assert any(value is not None for value in values) or type(model).__name__ in USUALLY_EMPTY, type(model)


# In the examples of the provider's specification, though not in its schema.
UNDECLARED = {"community_data", "developer_data"}
# The free host has had no such figures for years: the example in its specification has nulls only.
USUALLY_EMPTY = {"PublicInterestStats"}

CALLS: dict[str, Call] = {
    "ping": lambda client: client.ping.get(),
    "prices": lambda client: client.simple.price.get(
        ids="bitcoin,ethereum",
        vs_currencies="usd,eur",
        include_market_cap=True,
        include_24hr_vol=True,
        include_24hr_change=True,
        include_last_updated_at=True,
    ),
    "currencies": lambda client: client.simple.supported_vs_currencies.get(),
    "coins": lambda client: client.coins.list.get(include_platform=True),
    "markets": lambda client: client.coins.markets.get(
        vs_currency="usd", per_page=20, sparkline=True, price_change_percentage="1h,24h,7d,14d,30d,200d,1y"
    ),
    "the tail of the markets": lambda client: client.coins.markets.get(vs_currency="usd", per_page=50, page=300),
    "a coin": lambda client: client.coins.get_id("bitcoin", sparkline=True),
    "a token": lambda client: client.coins.get_id("tether"),
    "a coin listed this year": lambda client: client.coins.get_id("newcomer"),
    "a coin without market data": lambda client: client.coins.get_id(
        "bitcoin", market_data=False, tickers=False, localization=False
    ),
    "last days": lambda client: client.coins.market_chart.get("bitcoin", vs_currency="eur", days="30"),
    "a range": lambda client: client.coins.market_chart.get_range(
        "bitcoin", vs_currency="eur", from_=str(NOW - 20 * DAY_S), to=str(NOW - 10 * DAY_S)
    ),
    "candles": lambda client: client.coins.ohlc.get("bitcoin", vs_currency="usd", days="7"),
    "a date": lambda client: client.coins.history.get("bitcoin", date="01-10-2026"),
    "exchange rates": lambda client: client.exchange_rates.get(),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_the_official_client_understands_every_answer(simulator: str, call: Call) -> None:
    async with client_of(simulator) as client:
        answer = await call(client)
    assert answer
    assert_understood(answer)


async def test_the_official_client_understands_a_coin_that_has_no_market_cap(simulator: str) -> None:
    async with client_of(simulator) as client:
        (last,) = await client.coins.markets.get(vs_currency="usd", per_page=1, page=15_000)
        page = await client.coins.get_id(last.id)
    assert page.market_data
    assert page.market_data.current_price
    assert (last.market_cap, page.market_cap_rank, page.market_data.market_cap) == (None, None, {})
    assert_understood(page)


async def test_the_paid_host_tells_the_official_client_its_usage(simulator: str) -> None:
    pro = {"demo_api_key": None, "pro_api_key": "CG-pro", "base_url": f"{simulator}/coingecko-pro/api/v3"}
    async with client_of(simulator, **pro) as client:
        await client.ping.get()
        usage = await client.key.get()
    assert usage.current_total_monthly_calls == 1
    assert_understood(usage)


async def test_both_clients_of_the_sdk_read_the_same_hours(simulator: str) -> None:
    span = {"from_": str(NOW - 20 * DAY_S), "to": str(NOW - 10 * DAY_S), "vs_currency": "eur"}
    async with client_of(simulator) as client:
        chart = await client.coins.market_chart.get_range("bitcoin", **span)  # type: ignore[arg-type]

    def ask_again() -> Any:
        url = f"{simulator}/coingecko/api/v3"
        with Coingecko(demo_api_key="CG-demo", base_url=url, http_client=httpx.Client(verify=False)) as blocking:
            return blocking.coins.market_chart.get_range("bitcoin", **span)  # type: ignore[arg-type]

    assert await asyncio.to_thread(ask_again) == chart
    assert len({stamp // (HOUR_S * 1000) for stamp, _ in chart.prices}) == len(chart.prices) == 240


async def test_errors_are_the_clients_own_exceptions(simulator: str) -> None:
    async with client_of(simulator) as client:
        with pytest.raises(NotFoundError, match="coin not found"):
            await client.coins.get_id("no-such-coin")
        with pytest.raises(AuthenticationError, match="past 365 days"):
            await client.coins.market_chart.get("bitcoin", vs_currency="usd", days="366")
    async with client_of(simulator, demo_api_key="CG-wrong") as client:
        with pytest.raises(AuthenticationError, match="API Key Missing"):
            await client.ping.get()


async def test_the_client_waits_as_long_as_a_429_says_and_asks_again() -> None:
    async with (
        simulator_at(time.time) as url,
        httpx.AsyncClient(base_url=url, verify=False) as control,
        client_of(url) as client,
    ):
        for kind in ("429-noheader", "429"):
            fault = {"provider": "coingecko", "kind": kind, "arg": 1, "count": 1}
            assert (await control.post("/_control/faults", json=fault)).status_code == 200
        with pytest.raises(RateLimitError, match="exceeded the Rate Limit"):
            await client.ping.get()

        answer = await client.with_options(max_retries=1).ping.get()

        assert answer.gecko_says == "(V3) To the Moon!"
        log = (await control.get("/_control/log")).json()
    assert [entry["status"] for entry in log] == [429, 429, 200]
    assert log[2]["time"] - log[1]["time"] >= 1  # of its own accord the client waits half a second
