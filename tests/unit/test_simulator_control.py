"""What `/_control` answers, and that no key ever shows up there."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from simulator.app import create_simulator
from simulator.coinbase_advanced import DATA_FAULTS as COINBASE_DATA_FAULTS
from simulator.coinbase_advanced import REPLACEMENTS as COINBASE_ERRORS
from simulator.coingecko import REPLACEMENTS as COINGECKO_ERRORS
from simulator.settings import SimulatorSettings
from simulator.wire import WIRES

NOW = 1_795_003_215.25
API, PRO_API = "/coingecko/api/v3", "/coingecko-pro/api/v3"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    settings = SimulatorSettings(demo_keys=frozenset({"CG-secret1"}), pro_keys=frozenset({"CG-secret2"}))
    app = create_simulator(settings, lambda: NOW)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://simulator") as client:
        yield client


async def test_the_log_tells_each_request_and_its_outcome(client: httpx.AsyncClient) -> None:
    await client.post("/_control/faults", json={"provider": "coingecko", "kind": "500", "count": 1})
    await client.get(f"{API}/ping")
    await client.get(f"{API}/coins/nothing?localization=false")

    log = (await client.get("/_control/log")).json()

    common = {"time": NOW, "provider": "coingecko", "host": "demo", "key": "public", "damaged": 0}
    assert log == [
        common | {"path": "/ping", "query": {}, "status": 500, "fault": "500"},
        common | {"path": "/coins/nothing", "query": {"localization": "false"}, "status": 404, "fault": None},
    ]


async def test_the_log_can_be_forgotten(client: httpx.AsyncClient) -> None:
    await client.get(f"{API}/ping")
    assert (await client.delete("/_control/log")).json() == []
    assert (await client.get("/_control/log")).json() == []


async def test_no_key_is_logged_or_echoed(client: httpx.AsyncClient) -> None:
    answers = [
        await client.get(f"{host}/ping", params=params, headers=headers)
        for host in (API, PRO_API)
        for plan, key in (("demo", "CG-secret1"), ("pro", "CG-secret2"), ("demo", "CG-secret3"))
        for params, headers in (
            ({f"x_cg_{plan}_api_key": key}, {}),
            ({}, {f"x-cg-{plan}-api-key": key}),
        )
    ]
    log = await client.get("/_control/log")

    assert [entry["key"] for entry in log.json()] == ["demo", "demo", "pro", "pro", "unknown", "unknown"] * 2
    assert "secret" not in log.text
    assert not any("secret" in answer.text + str(answer.headers) for answer in answers)


@pytest.mark.parametrize(
    "fault",
    [
        {"provider": "nobody", "kind": "500"},
        {"provider": "coingecko", "kind": "unheard-of"},
        {"provider": "coinbase-exchange", "kind": "quota"},
        {"provider": "coingecko", "kind": "500", "probability": 2},
        {"provider": "coingecko", "kind": "500", "count": -1},
        {"provider": "coingecko", "kind": "500", "arg": "long"},
        {"provider": "coingecko", "kind": "500", "typo": 1},
        ["coingecko"],
    ],
)
async def test_a_fault_that_makes_no_sense_is_refused(client: httpx.AsyncClient, fault: Any) -> None:
    answer = await client.post("/_control/faults", json=fault)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert (await client.get("/_control/faults")).json()["armed"] == []


@pytest.mark.parametrize(
    "query",
    [
        "coin=nothing&currency=usd&granularity=HOURLY&from=0&to=1",
        "coin=bitcoin&currency=usdt&granularity=HOURLY&from=0&to=1",
        "coin=bitcoin&currency=usd&granularity=WEEKLY&from=0&to=1",
        "coin=bitcoin&currency=usd&granularity=HOURLY&from=0",
        "provider=nobody&coin=bitcoin&currency=usd&granularity=HOURLY&from=0&to=1",
        "provider=coinpaprika&coin=bitcoin&currency=eur&granularity=HOURLY&from=0&to=1",
        "",
    ],
)
async def test_a_truth_that_cannot_be_told_is_refused(client: httpx.AsyncClient, query: str) -> None:
    assert (await client.get(f"/_control/truth?{query}")).status_code == 400


async def test_two_simulators_share_nothing() -> None:
    logs = []
    for asked in (1, 0):
        app = create_simulator(SimulatorSettings(), lambda: NOW)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://simulator") as client:
            for _ in range(asked):
                await client.get(f"{API}/ping")
            logs.append((await client.get("/_control/log")).json())
    assert [len(log) for log in logs] == [1, 0]


async def test_every_kind_of_fault_that_can_be_armed_is_listed_in_one_line(client: httpx.AsyncClient) -> None:
    kinds = (await client.get("/_control/faults")).json()["kinds"]
    assert kinds.keys() == {
        *COINGECKO_ERRORS,
        *COINBASE_ERRORS,
        *COINBASE_DATA_FAULTS,
        *WIRES,
        "first-page",
        "correction",
    }
    for kind, described in kinds.items():
        assert "\n" not in described["does"]
        for provider in described["providers"]:
            fault = {"provider": provider, "kind": kind, "count": 0, "probability": 0}
            assert (await client.post("/_control/faults", json=fault)).status_code == 200
