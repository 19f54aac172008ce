"""`/_control/catalogue`: changes of the provider's list of coins."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from simulator.app import create_simulator
from simulator.settings import SimulatorSettings

pytestmark = pytest.mark.slow

NOW = 1_795_003_215.25
API = "/coingecko/api/v3"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = create_simulator(SimulatorSettings(public_per_minute=1_000), lambda: NOW)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://simulator") as client:
        yield client


async def change(client: httpx.AsyncClient, change: str, coin: str, to: str = "") -> int:
    return (await client.post("/_control/catalogue", json={"change": change, "coin": coin, "to": to})).status_code


async def listed(client: httpx.AsyncClient, name: str) -> list[dict[str, Any]]:
    """The entries of the list whose name begins so."""
    entries = (await client.get(f"{API}/coins/list", params={"include_platform": "true"})).json()
    return [entry for entry in entries if entry["name"].startswith(name)]


async def status(client: httpx.AsyncClient, coin: str) -> int:
    return (await client.get(f"{API}/coins/{coin}")).status_code


async def price(client: httpx.AsyncClient, coin: str) -> Any:
    return (await client.get(f"{API}/simple/price", params={"ids": coin, "vs_currencies": "usd,btc"})).json().get(coin)


async def test_a_renamed_coin_answers_to_its_new_id_only_and_costs_the_same(client: httpx.AsyncClient) -> None:
    before = await price(client, "bitcoin")
    (entry,) = await listed(client, "Tether")

    assert await change(client, "rename", "bitcoin", "bitcoin-core") == 204
    await change(client, "rename", "tether", "tether-usd")

    assert await price(client, "bitcoin-core") == before
    assert await price(client, "bitcoin") is None
    assert [await status(client, id_) for id_ in ("bitcoin", "bitcoin-core")] == [404, 200]
    assert await listed(client, "Tether") == [entry | {"id": "tether-usd"}]
    markets = await client.get(f"{API}/coins/markets", params={"vs_currency": "usd", "per_page": 1})
    assert markets.json()[0]["id"] == "bitcoin-core"


async def test_a_dropped_coin_is_gone_and_a_copied_one_is_there_twice(client: httpx.AsyncClient) -> None:
    await change(client, "drop", "solana")
    await change(client, "copy", "tether", "tether-two")

    assert await listed(client, "Solana") == []
    assert await status(client, "solana") == 404
    assert [entry["id"] for entry in await listed(client, "Tether")] == ["tether", "tether-two"]


async def test_a_repeated_coin_is_listed_once_more_under_another_name(client: httpx.AsyncClient) -> None:
    await change(client, "repeat", "tether")

    assert [entry["id"] for entry in await listed(client, "Tether")] == ["tether", "tether"]


async def test_every_change_can_be_undone(client: httpx.AsyncClient) -> None:
    before = (await client.get(f"{API}/coins/list")).json()
    await change(client, "rename", "bitcoin", "bitcoin-core")
    await change(client, "drop", "solana")
    await change(client, "repeat", "tether")

    assert (await client.delete("/_control/catalogue")).status_code == 204

    assert (await client.get(f"{API}/coins/list")).json() == before


async def test_a_change_that_makes_no_sense_is_refused(client: httpx.AsyncClient) -> None:
    assert await change(client, "vanish", "bitcoin") == 400
    assert await change(client, "drop", "nothing") == 400
