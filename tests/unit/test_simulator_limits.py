"""Plans: which key counts on which host, how many answers a minute, how many 200s a month."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from simulator.app import create_simulator
from simulator.settings import SimulatorSettings

DEMO, PRO = {"x-cg-demo-api-key": "CG-demo"}, {"x-cg-pro-api-key": "CG-pro"}
DEMO_HOST, PRO_HOST = "/coingecko/api/v3", "/coingecko-pro/api/v3"
SETTINGS = SimulatorSettings(public_per_minute=3, demo_per_minute=5, pro_per_minute=7, demo_monthly=4, pro_monthly=6)


@dataclass
class Clock:
    now: float = 1_795_003_215.25

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def client(clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    app = create_simulator(SETTINGS, clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://simulator") as client:
        yield client


async def status(client: httpx.AsyncClient, path: str, headers: dict[str, str] | None = None) -> int:
    return (await client.get(path, headers=headers or {})).status_code


async def test_the_minute_counts_every_answer_and_slides(client: httpx.AsyncClient, clock: Clock) -> None:
    assert await status(client, f"{DEMO_HOST}/ping") == 200
    clock.now += 20
    assert await status(client, f"{DEMO_HOST}/coins/nothing") == 404
    assert await status(client, f"{DEMO_HOST}/ping") == 200

    refused = await client.get(f"{DEMO_HOST}/ping")

    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "60"  # the refusal itself stays in the window


async def test_whoever_waits_as_long_as_told_is_answered_again(client: httpx.AsyncClient, clock: Clock) -> None:
    for _ in range(3):
        await status(client, f"{DEMO_HOST}/ping")
        clock.now += 10.3
    refused = await client.get(f"{DEMO_HOST}/ping")
    wait = int(refused.headers["retry-after"])

    clock.now += wait - 1
    assert await status(client, f"{DEMO_HOST}/ping") == 429
    clock.now += 60
    assert await status(client, f"{DEMO_HOST}/ping") == 200


@pytest.mark.parametrize("pause", [0.0, 0.4, 7.0, 19.0])
async def test_the_told_wait_is_enough(client: httpx.AsyncClient, clock: Clock, pause: float) -> None:
    for _ in range(5):
        answer = await client.get(f"{DEMO_HOST}/ping")
        clock.now += pause
    clock.now += int(answer.headers.get("retry-after", 0))
    assert await status(client, f"{DEMO_HOST}/ping") == 200


async def test_each_key_has_a_minute_of_its_own(client: httpx.AsyncClient) -> None:
    async def passed(path: str, headers: dict[str, str]) -> int:
        statuses = [await status(client, path, headers) for _ in range(9)]
        return sum(answered != 429 for answered in statuses)

    assert await passed(f"{DEMO_HOST}/nowhere", {}) == 3
    assert await passed(f"{DEMO_HOST}/nowhere", DEMO) == 5
    assert await passed(f"{PRO_HOST}/nowhere", PRO) == 7


async def test_the_month_counts_only_what_was_answered_with_200(client: httpx.AsyncClient, clock: Clock) -> None:
    for path in ("/ping", "/nowhere", "/coins/nothing", "/ping", "/ping", "/ping"):
        await status(client, f"{DEMO_HOST}{path}", DEMO)
        clock.now += 61
    refused = await client.get(f"{DEMO_HOST}/ping", headers=DEMO)

    assert refused.status_code == 429
    assert refused.json()["status"]["error_code"] == 10006
    assert await status(client, f"{DEMO_HOST}/ping") == 200  # without the key it still answers

    clock.now += 31 * 86_400
    assert await status(client, f"{DEMO_HOST}/ping", DEMO) == 200


async def test_the_paid_host_tells_the_usage_until_the_quota_is_spent(client: httpx.AsyncClient, clock: Clock) -> None:
    await status(client, f"{PRO_HOST}/ping", PRO)
    usage = (await client.get(f"{PRO_HOST}/key", headers=PRO)).json()
    assert usage == {
        "plan": "Analyst",
        "rate_limit_request_per_minute": 7,
        "monthly_call_credit": 6,
        "current_total_monthly_calls": 1,
        "current_remaining_monthly_calls": 5,
        "api_key_rate_limit_request_per_minute": 7,
        "api_key_monthly_call_credit": 6,
        "api_key_current_total_monthly_calls": 1,
    }
    for _ in range(4):
        clock.now += 61
        await status(client, f"{PRO_HOST}/ping", PRO)
    assert (await client.get(f"{PRO_HOST}/key", headers=PRO)).json()["status"]["error_code"] == 10006


@pytest.mark.parametrize(
    ("host", "name", "value", "expected"),
    [
        (DEMO_HOST, None, None, 200),
        (DEMO_HOST, "x_cg_demo_api_key", "CG-demo", 200),
        (DEMO_HOST, "x_cg_demo_api_key", "CG-wrong", 10002),
        (DEMO_HOST, "x_cg_pro_api_key", "CG-wrong", 10002),
        (DEMO_HOST, "x_cg_pro_api_key", "CG-demo", 10002),
        (DEMO_HOST, "x_cg_demo_api_key", "CG-pro", 10010),
        (DEMO_HOST, "x_cg_pro_api_key", "CG-pro", 10010),
        (PRO_HOST, None, None, 10002),
        (PRO_HOST, "x_cg_pro_api_key", "CG-pro", 200),
        (PRO_HOST, "x_cg_pro_api_key", "CG-wrong", 10002),
        (PRO_HOST, "x_cg_demo_api_key", "CG-pro", 10002),
        (PRO_HOST, "x_cg_pro_api_key", "CG-demo", 10011),
        (PRO_HOST, "x_cg_demo_api_key", "CG-demo", 10011),
    ],
)
@pytest.mark.parametrize("way", ["header", "query"])
async def test_a_key_counts_only_on_its_host_under_its_name(
    client: httpx.AsyncClient, host: str, name: str | None, value: str | None, expected: int, way: str
) -> None:
    given = {name: value} if name and value else {}
    headers = {name.replace("_", "-"): value for name, value in given.items()} if way == "header" else {}

    answer = await client.get(f"{host}/ping", params=given if way == "query" else {}, headers=headers)

    body = answer.json()
    code = body.get("error_code") or body.get("status", {}).get("error_code") or answer.status_code
    assert code == expected


async def test_with_both_headers_the_hosts_own_counts(client: httpx.AsyncClient) -> None:
    assert await status(client, f"{DEMO_HOST}/ping", DEMO | PRO) == 200
    assert await status(client, f"{PRO_HOST}/ping", DEMO | PRO) == 200
