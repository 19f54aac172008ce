"""CoinGecko's client: what it asks for, and what it makes of the answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.planning import DAILY_SPAN, HOURLY_SPAN, oldest_allowed
from db.series import DAY, HOUR, Granularity, Window, ceil, floor
from ingest.errors import FatalProviderError, Kind, ProviderError, RetryableProviderError
from ingest.providers.coingecko import PLANS, CoinGecko, budget_of, make_client
from ingest.providers.coingecko_history import History
from ingest.settings import IngestSettings, Plan

NOW = datetime(2026, 11, 20, 19, 37, 12, 345_678, tzinfo=UTC)
HOURLY = Granularity.HOURLY
KEYLESS = IngestSettings()
START = datetime(2026, 11, 1, tzinfo=UTC)
WINDOW = Window(START, START + 4 * DAY)


class Provider:
    """A CoinGecko that says the same to everything; `requests` holds what it was asked."""

    def __init__(self, said: object) -> None:
        self._said = said
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if isinstance(self._said, Exception):
            raise self._said
        if isinstance(self._said, httpx.Response):
            return self._said
        text = self._said if isinstance(self._said, str) else json.dumps(self._said)
        return httpx.Response(200, text=text, headers={"content-type": "application/json; charset=utf-8"})


@asynccontextmanager
async def saying(said: object, settings: IngestSettings = KEYLESS) -> AsyncIterator[tuple[CoinGecko, Provider]]:
    """A client of such a provider, with the headers that the settings make."""
    provider = Provider(said)
    async with make_client(settings) as real:
        base, headers = real.base_url, real.headers
    async with httpx.AsyncClient(transport=httpx.MockTransport(provider), base_url=base, headers=headers) as client:
        yield CoinGecko(client, reach_days=365), provider


def client_of(provider: Provider) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.MockTransport(provider), base_url="http://coingecko")


async def fetch(said: object, now: datetime = NOW, granularity: Granularity = HOURLY) -> History:
    async with client_of(Provider(said)) as client:
        return await CoinGecko(client, 365).fetch_history("bitcoin", "usd", granularity, WINDOW, now)


def stamp(hours: float, seconds: float = 41.331) -> int:
    return round((START.timestamp() + hours * 3600 + seconds) * 1000)


def chart(prices: Sequence[object], caps: Sequence[object] = (), volumes: Sequence[object] = ()) -> dict[str, Any]:
    return {"prices": prices, "market_caps": caps, "total_volumes": volumes}


async def test_arrays_are_joined_by_stamp_and_may_differ_in_length() -> None:
    prices = [[stamp(0), 1.5], [stamp(1), 2], [stamp(2), 1.6446899669484214e-05]]
    caps = [[stamp(1), 20.0], [stamp(2), None]]
    volumes = [[stamp(2), 0], [stamp(0), 100.0]]
    history = await fetch(chart(prices, caps, volumes))
    assert [(sample.price, sample.market_cap, sample.volume_24h) for sample in history.samples] == [
        (1.5, None, 100.0),
        (2.0, 20.0, None),
        (1.6446899669484214e-05, None, 0.0),
    ]


@pytest.mark.parametrize("price", [None, "NaN", "Infinity", 0, -1.0, '"12.3 USD"', "true", "[1]", "1e999", 1e41, 1e-41])
async def test_a_price_that_is_none_is_refused_and_its_neighbours_are_kept(price: Any) -> None:
    text = json.dumps(chart([[stamp(0), 1.0], [stamp(1), "HERE"], [stamp(2), 3.0]]))
    body = text.replace('"HERE"', "null" if price is None else str(price))

    history = await fetch(body)

    assert [sample.price for sample in history.samples] == [1.0, 3.0]
    assert [row.time for row in history.rejected] == [START + HOUR + timedelta(seconds=41.331)]


async def test_a_price_beyond_the_bounds_is_refused_with_them() -> None:
    history = await fetch(chart([[stamp(0), 1e41]]))
    [row] = history.rejected
    assert (row.value, row.note) == ("1e+41", "its price is not between 1e-40 and 1e+40")


@pytest.mark.parametrize("row", ["[]", "[1]", "[1, 2, 3]", "[null, 2]", '["x", 2]', "[-5, 2]", "[1e99, 2]"])
async def test_a_row_of_another_form_is_refused(row: str) -> None:
    text = json.dumps(chart([[stamp(0), 1.0], "HERE"]))
    history = await fetch(text.replace('"HERE"', row))
    assert [sample.price for sample in history.samples] == [1.0]
    assert len(history.rejected) == 1


@pytest.mark.parametrize("value", [-1.0, "NaN", '"1"', 1e41])
async def test_a_market_cap_or_volume_that_is_none_becomes_null(value: Any) -> None:
    text = json.dumps(chart([[stamp(0), 1.0]], [[stamp(0), "HERE"]], [[stamp(0), "HERE"]]))
    [sample] = (await fetch(text.replace('"HERE"', str(value)))).samples
    assert (sample.price, sample.market_cap, sample.volume_24h) == (1.0, None, None)


async def test_the_trailing_pair_is_now_and_stands_for_no_bucket() -> None:
    now = START + timedelta(hours=2, minutes=15, seconds=9)
    history = await fetch(chart([[stamp(0), 1.0], [stamp(1), 2.0], [stamp(2, 909), 3.0]]), now)
    assert [sample.price for sample in history.samples] == [1.0, 2.0]
    assert history.latest is not None
    assert history.latest.price == 3.0


async def test_a_midnight_is_no_pair_of_now() -> None:
    now = START + DAY + timedelta(minutes=20)
    history = await fetch(chart([[stamp(0, 0), 1.0], [stamp(24, 0), 2.0]]), now, Granularity.DAILY)
    assert [sample.price for sample in history.samples] == [1.0, 2.0]


async def test_a_stamp_in_the_future_is_refused() -> None:
    now = START + 2 * HOUR
    history = await fetch(chart([[stamp(0), 1.0], [stamp(1), 2.0], [stamp(26), 3.0]]), now)
    assert [sample.price for sample in history.samples] == [1.0, 2.0]
    assert history.latest is not None
    assert history.latest.price == 2.0
    assert len(history.rejected) == 1


async def test_rows_in_any_order_and_twice_come_out_in_order() -> None:
    rows = [[stamp(hour), float(hour + 1)] for hour in (2, 0, 1, 0)]
    history = await fetch(chart(rows))
    assert [sample.price for sample in history.samples] == [1.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    "body",
    [
        {"price": [], "market_caps": [], "total_volumes": []},
        {"prices": {}, "market_caps": [], "total_volumes": []},
        {"prices": [{"t": 1}], "market_caps": [], "total_volumes": []},
        {"prices": []},
        [],
        "null",
    ],
)
async def test_another_schema_is_said_in_words_and_never_taken_for_an_empty_answer(body: object) -> None:
    with pytest.raises(FatalProviderError, match="schema changed") as caught:
        await fetch(body)
    assert caught.value.kind is Kind.DRIFT


@pytest.mark.parametrize("step", [5 / 60, 24.0])
async def test_an_answer_of_another_granularity_is_refused(step: float) -> None:
    asked = Granularity.HOURLY if step > 1 else Granularity.DAILY
    rows = [[stamp(index * step), 1.0] for index in range(4)]
    with pytest.raises(FatalProviderError, match="granularity"):
        await fetch(chart(rows), granularity=asked)


@pytest.mark.parametrize("body", ['{"prices": [[1', "", "[" * 100_000])
async def test_an_answer_that_was_cut_off_is_worth_another_try(body: str) -> None:
    with pytest.raises(RetryableProviderError, match="cut off"):
        await fetch(body)


async def test_a_connection_that_fails_is_worth_another_try() -> None:
    with pytest.raises(RetryableProviderError, match="connection"):
        await fetch(httpx.ConnectError("refused"))


# Hours before now; the edge of a year's history is of interest.
ages = st.integers(0, 360 * 24) | st.integers(362 * 24, 365 * 24)


@given(ages, st.integers(1, 80 * 24), st.integers(0, 59), st.sampled_from([365, 730, None]))
def test_an_hourly_request_gets_hours_for_the_whole_window_within_the_plan(
    age: int, hours: int, minutes: int, reach: int | None
) -> None:
    now = NOW + timedelta(minutes=minutes)
    end = floor(now, HOUR) - age * HOUR
    window = Window(max(end - hours * HOUR, ceil(end, DAY) - HOURLY_SPAN, oldest_allowed(now, reach)), end)
    if window.start >= window.end:
        return
    asked = CoinGecko(client_of(Provider({})), reach).request_window(HOURLY, window, now)

    assert asked.start <= floor(window.start, DAY) - timedelta(minutes=30)
    assert asked.end >= min(window.end, now)
    assert asked.end <= now + timedelta(minutes=1)
    assert DAY < asked.end - asked.start <= 90 * DAY
    assert reach is None or asked.start > now - reach * DAY


@given(ages, st.integers(1, 365), st.integers(0, 59), st.sampled_from([365, 730, None]))
def test_a_daily_request_gets_days_for_the_whole_window_within_the_plan(
    age: int, days: int, minutes: int, reach: int | None
) -> None:
    now = NOW + timedelta(minutes=minutes)
    end = floor(now - age * HOUR, DAY)
    window = Window(max(end - days * DAY, end - DAILY_SPAN, oldest_allowed(now, reach)), end)
    if window.start >= window.end:
        return
    asked = CoinGecko(client_of(Provider({})), reach).request_window(Granularity.DAILY, window, now)

    assert asked.start < window.start
    assert min(window.end, now) <= asked.end <= now + timedelta(minutes=1)
    assert asked.end - asked.start > 90 * DAY
    assert reach is None or asked.start > now - reach * DAY


def test_a_task_that_waited_for_days_asks_within_the_plan_all_the_same() -> None:
    coingecko = CoinGecko(client_of(Provider({})), 365)
    oldest = oldest_allowed(NOW, 365)
    late = NOW + 5 * DAY
    for granularity in Granularity:
        asked = coingecko.request_window(granularity, Window(oldest, oldest + 80 * DAY), late)
        assert asked.start > late - 365 * DAY


@pytest.mark.parametrize(
    ("plan", "header", "host"),
    [
        (Plan.DEMO, "x-cg-demo-api-key", "api.coingecko.com"),
        (Plan.BASIC, "x-cg-pro-api-key", "pro-api.coingecko.com"),
        (Plan.ANALYST, "x-cg-pro-api-key", "pro-api.coingecko.com"),
        (Plan.PRO, "x-cg-pro-api-key", "pro-api.coingecko.com"),
    ],
)
async def test_a_key_goes_into_its_plans_header_to_its_plans_host(plan: Plan, header: str, host: str) -> None:
    async with make_client(IngestSettings(plan=plan, api_key="CG-secret")) as client:
        assert client.base_url.host == host
        assert [name for name, value in client.headers.items() if value == "CG-secret"] == [header]


async def test_without_a_key_none_is_sent() -> None:
    async with saying(chart([])) as (coingecko, provider):
        await coingecko.fetch_history("bitcoin", "usd", HOURLY, WINDOW, NOW)
    [request] = provider.requests
    assert not [name for name in request.headers if name.startswith("x-cg")]
    assert dict(request.url.params).keys() == {"vs_currency", "from", "to", "precision"}


@pytest.mark.parametrize("plan", list(Plan))
@pytest.mark.parametrize("calls", [None, 2, 3, 5, 30, 600])
def test_a_budget_always_leaves_a_pace_below_its_calls(plan: Plan, calls: int | None) -> None:
    budget = budget_of(IngestSettings(plan=plan, api_key="CG-secret", calls_per_minute=calls))
    assert budget.burst >= 1
    assert budget.calls > budget.burst
    assert budget.calls <= (calls or PLANS[plan].calls)


def test_a_budget_is_named_without_its_key() -> None:
    one, other = (budget_of(IngestSettings(plan=Plan.DEMO, api_key=key)) for key in ("CG-one", "CG-other"))
    assert one.key != other.key
    assert "CG-" not in one.key + other.key
    assert "CG-one" not in repr(IngestSettings(api_key="CG-one"))


@pytest.mark.parametrize(
    "failure", [httpx.Response(401), httpx.Response(500), httpx.ConnectError("https://x/?key=CG-secret")]
)
async def test_no_error_holds_the_key_or_an_address(failure: object) -> None:
    settings = IngestSettings(plan=Plan.DEMO, api_key="CG-secret")
    async with saying(failure, settings) as (coingecko, provider):
        with pytest.raises(ProviderError) as caught:
            await coingecko.fetch_markets(["bitcoin"], NOW)
    assert provider.requests[0].headers["x-cg-demo-api-key"] == "CG-secret"
    assert "CG-secret" not in str(caught.value)
    assert "http" not in str(caught.value)
