"""Every error answer, byte for byte as captured; times are those of the simulator's clock."""

from collections.abc import AsyncIterator

import httpx
import pytest

from simulator.app import create_simulator
from simulator.settings import SimulatorSettings

NOW = 1_795_003_215.25
AT = "2026-11-18T12:00:15.250+00:00"
PRICING = "Please visit https://www.coingecko.com/en/api/pricing to subscribe to our API plans for higher rate limits."
RATE_LIMIT = f'{{"status":{{"error_code":429,"error_message":"You\'ve exceeded the Rate Limit. {PRICING}"}}}}'
KEY_MISSING = (
    f'{{"status":{{"timestamp":"{AT}","error_code":10002,"error_message":"API Key Missing. Please make sure '
    "you're using the right authentication method. For Pro API, ensure you pass in x_cg_pro_api_key parameter "
    'with a Pro Key. For Demo API, ensure you pass in x_cg_demo_api_key parameter with a Demo Key."}}'
)
WHOLE_SECOND = AT.replace(".250", ".000")
PLAN_RESTRICTED = (
    f'{{"status":{{"timestamp":"{WHOLE_SECOND}","error_code":10005,"error_message":"This request is limited to '
    f'PRO API subscribers. {PRICING}"}}}}'
)
PRO_KEY_ON_DEMO_HOST = (
    f'{{"timestamp":"{AT}","error_code":10010,"status":{{"error_message":"If you are using Pro API key, please '
    'change your root URL from api.coingecko.com to pro-api.coingecko.com"}}'
)
DEMO_KEY_ON_PRO_HOST = (
    f'{{"timestamp":"{AT}","error_code":10011,"status":{{"error_message":"If you are using Demo API key, please '
    "change your root URL from pro-api.coingecko.com to api.coingecko.com Please refer here for more details: "
    'https://docs.coingecko.com/v3.0.1/reference/introduction"}}'
)
TIME_RANGE = (
    f'{{"error":{{"status":{{"timestamp":"{WHOLE_SECOND}","error_code":10012,"error_message":"Your request '
    "exceeds the allowed time range. Public API users are limited to querying historical data within the past "
    "365 days. Upgrade to a paid plan to enjoy full historical data access: "
    'https://www.coingecko.com/en/api/pricing. "}}}'
)
MONTHLY_QUOTA = '{"status":{"error_code":10006,"error_message":"You\'ve reached 10,000 calls limit. …"}}'
DEMO_HOST, PRO_HOST = "/coingecko/api/v3", "/coingecko-pro/api/v3"
BITCOIN = f"{DEMO_HOST}/coins/bitcoin/market_chart"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = create_simulator(SimulatorSettings(), lambda: NOW)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://simulator") as client:
        yield client


@pytest.mark.parametrize(
    ("url", "status", "body"),
    [
        (f"{PRO_HOST}/ping", 401, KEY_MISSING),
        (f"{DEMO_HOST}/ping?x_cg_demo_api_key=CG-wrong", 401, KEY_MISSING),
        (f"{DEMO_HOST}/ping?x_cg_demo_api_key=CG-pro", 400, PRO_KEY_ON_DEMO_HOST),
        (f"{PRO_HOST}/ping?x_cg_pro_api_key=CG-demo", 400, DEMO_KEY_ON_PRO_HOST),
        (f"{DEMO_HOST}/key", 401, PLAN_RESTRICTED),
        (f"{DEMO_HOST}/coins/list?status=inactive", 401, PLAN_RESTRICTED),
        (f"{BITCOIN}?vs_currency=usd&days=1&interval=5m", 401, PLAN_RESTRICTED),
        (f"{BITCOIN}?vs_currency=usd&days=366", 401, TIME_RANGE),
        (f"{BITCOIN}?vs_currency=usd&days=max", 401, TIME_RANGE),
        (f"{BITCOIN}/range?vs_currency=usd&from=1763467214&to=1763553614", 401, TIME_RANGE),
        (f"{DEMO_HOST}/coins/bitcoin/history?date=01-06-2020", 401, TIME_RANGE),
        (f"{DEMO_HOST}/coins/nothing", 404, '{"error":"coin not found"}'),
        (f"{DEMO_HOST}/coins/nothing/market_chart?vs_currency=usd&days=1", 404, '{"error":"coin not found"}'),
        (f"{BITCOIN}?vs_currency=usdt&days=1", 400, '{"error":"invalid vs_currency"}'),
        (f"{DEMO_HOST}/coins/markets?vs_currency=usdt", 400, '{"error":"invalid vs_currency"}'),
        (f"{BITCOIN}?days=1", 422, '{"error":"Missing parameter vs_currency"}'),
        (f"{BITCOIN}/range?vs_currency=usd&to=1", 422, '{"error":"Missing parameter from"}'),
        (f"{DEMO_HOST}/coins/markets", 422, '{"error":"Missing parameter vs_currency"}'),
        (f"{DEMO_HOST}/simple/price?ids=bitcoin", 422, '{"error":"Missing parameter vs_currencies"}'),
        (f"{DEMO_HOST}/simple/price?vs_currencies=usd", 422, '{"error":"Missing parameter ids"}'),
        (f"{BITCOIN}?vs_currency=usd&days=x", 400, '{"error":"invalid days"}'),
        (f"{BITCOIN}?vs_currency=usd&days=0", 400, '{"error":"invalid days"}'),
        (f"{BITCOIN}?vs_currency=usd&days=101&interval=hourly", 400, '{"error":"invalid interval"}'),
        (f"{BITCOIN}/range?vs_currency=usd&from=2026-11-01&to=2", 400, '{"error":"invalid from"}'),
        (f"{DEMO_HOST}/coins/bitcoin/ohlc?vs_currency=usd&days=4", 400, '{"error":"invalid days"}'),
    ],
)
async def test_an_error_has_its_own_shape_and_words(
    client: httpx.AsyncClient, url: str, status: int, body: str
) -> None:
    answer = await client.get(url)
    assert (answer.status_code, answer.text) == (status, body)
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


async def test_exactly_365_days_are_allowed(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{BITCOIN}/range?vs_currency=usd&from=1763467215&to=1763553614")
    assert answer.status_code == 200


async def test_too_many_requests_are_refused_with_the_187_captured_bytes() -> None:
    app = create_simulator(SimulatorSettings(public_per_minute=1), lambda: NOW)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://simulator") as client:
        await client.get(f"{DEMO_HOST}/ping")
        refused = await client.get(f"{DEMO_HOST}/ping")
    assert (refused.status_code, refused.text) == (429, RATE_LIMIT)
    assert dict(refused.headers) == {
        "content-type": "application/json",
        "content-length": "187",
        "retry-after": "60",
        "cache-control": "private, max-age=0, no-store, no-cache, must-revalidate, post-check=0, pre-check=0",
        "server": "cloudflare",
    }


@pytest.mark.parametrize(
    ("kind", "status", "body", "retry_after"),
    [
        ("429", 429, RATE_LIMIT, "7"),
        ("429-date", 429, RATE_LIMIT, "Wed, 18 Nov 2026 12:00:23 GMT"),
        ("429-noheader", 429, RATE_LIMIT, None),
        ("429-in-200", 200, RATE_LIMIT, None),
        ("quota", 429, MONTHLY_QUOTA, None),
        ("quota-in-200", 200, MONTHLY_QUOTA, None),
        ("throttled", 429, "Throttled", None),
        ("503", 503, "", None),
        ("401", 401, KEY_MISSING, None),
        ("404", 404, '{"error":"coin not found"}', None),
    ],
)
async def test_an_armed_error_is_the_real_one(
    client: httpx.AsyncClient, kind: str, status: int, body: str, retry_after: str | None
) -> None:
    await client.post("/_control/faults", json={"provider": "coingecko", "kind": kind})
    answer = await client.get(f"{DEMO_HOST}/ping")
    assert (answer.status_code, answer.text) == (status, body)
    assert answer.headers.get("retry-after") == retry_after


@pytest.mark.parametrize(("kind", "status"), [("502html", 502), ("html403", 403), ("html200", 200)])
async def test_the_edge_answers_in_html(client: httpx.AsyncClient, kind: str, status: int) -> None:
    await client.post("/_control/faults", json={"provider": "coingecko", "kind": kind})
    answer = await client.get(f"{DEMO_HOST}/ping")
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.text.startswith("<!DOCTYPE html>")
