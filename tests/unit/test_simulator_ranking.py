"""What takes long is worked out in slices, so that whoever else asks meanwhile is answered."""

import asyncio

import httpx
import pytest

from simulator.app import create_simulator
from simulator.settings import SimulatorSettings

pytestmark = pytest.mark.slow

START = 1_795_003_215.0


@pytest.mark.parametrize(
    "path",
    [
        "/coingecko/api/v3/coins/markets?vs_currency=eur",
        "/coingecko/api/v3/coins/markets?vs_currency=eur&order=volume_desc",
        "/coinbase-exchange/products/ETH-EUR/candles?granularity=21600",
        "/coinpaprika/v1/tickers?quotes=EUR",
    ],
)
async def test_a_long_answer_leaves_many_turns_to_others(path: str) -> None:
    app = create_simulator(SimulatorSettings(seed=7), lambda: START)  # a market that no other test has asked
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://simulator") as client:
        answer = asyncio.create_task(client.get(path))
        turns = 0
        while not answer.done():
            await asyncio.sleep(0)
            turns += 1
    assert (await answer).status_code == 200
    assert turns > 100


async def test_a_ranking_is_as_of_the_full_hour() -> None:
    now = [START]
    app = create_simulator(SimulatorSettings(public_per_minute=1000), lambda: now[0])

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://simulator") as client:

        async def ranks() -> list[str]:
            path = "/coingecko/api/v3/coins/markets?vs_currency=usd&per_page=250"
            rows = (await client.get(path)).json()
            assert [row["market_cap_rank"] for row in rows] == list(range(1, 251))
            return [row["id"] for row in rows]

        first = await ranks()
        now[0] += 3500
        assert await ranks() == first
        now[0] += 100
        assert await ranks() != first
