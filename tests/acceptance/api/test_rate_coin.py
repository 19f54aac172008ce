"""The coin that prices in other currencies are converted through: it stays tracked, and is what the settings say."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from ingest.catalogue import keep_catalogue
from ingest.providers.coingecko import budget_of
from tests.api import Api
from tests.world import World

pytestmark = pytest.mark.slow

UNTRACK = """
mutation Untrack($slugs: [String!]!) {
  untrackCoins(slugs: $slugs) { coins { slug tracked } errors { code message field } }
}
"""
RATES = """
select coalesce(array_agg(y.code || ' through ' || c.slug order by y.code), '{}')
from currencies y join coins c on c.id = y.rate_coin_id where c.tracked
"""


async def start_worker(world: World, coin: str, *codes: str) -> None:
    """As far as it learns what is configured."""
    settings = replace(
        world.settings, coins=("bitcoin", "solana"), currencies=("usd",), rate_coin=coin, rate_currencies=codes
    )
    key, ready = budget_of(settings).key, asyncio.Event()
    keeping = asyncio.create_task(keep_catalogue(world.database, world.provider, key, world.clock, settings, ready))
    async with asyncio.timeout(60):
        await ready.wait()
    keeping.cancel()
    await asyncio.wait([keeping])


async def untrack(api: Api, *slugs: str) -> dict[str, Any]:
    payload: dict[str, Any] = (await api.ask(UNTRACK, slugs=list(slugs)))["untrackCoins"]
    return payload


async def test_the_rate_coin_cannot_be_untracked_and_does_not_keep_the_others(world: World, world_api: Api) -> None:
    await start_worker(world, "bitcoin", "jpy", "chf")

    payload = await untrack(world_api, "bitcoin", "solana")

    assert payload["coins"] == [{"slug": "solana", "tracked": False}]
    (error,) = payload["errors"]
    assert (error["code"], error["field"]) == ("CONFLICT", ["slugs"])
    assert error["message"].startswith(
        "bitcoin is the rate coin: prices in chf, jpy are converted through it; set PRICEGRAPH_RATE"
    )
    assert await world.scalar(RATES) == ["chf through bitcoin", "jpy through bitcoin"]


async def test_a_worker_that_starts_without_rates_ends_them_and_the_coin_is_free(world: World, world_api: Api) -> None:
    await start_worker(world, "bitcoin", "jpy", "chf")
    await start_worker(world, "bitcoin", "chf")
    assert await world.scalar(RATES) == ["chf through bitcoin"]

    await start_worker(world, "bitcoin")

    assert await world.scalar(RATES) == []
    assert (await untrack(world_api, "bitcoin"))["errors"] == []


async def test_a_worker_that_starts_with_another_rate_coin_moves_the_rates_and_tracks_it(
    world: World, world_api: Api
) -> None:
    await start_worker(world, "bitcoin", "jpy")
    await untrack(world_api, "solana")

    await start_worker(world, "solana", "jpy")

    assert await world.scalar(RATES) == ["jpy through solana"]
    assert (await untrack(world_api, "bitcoin"))["errors"] == []
