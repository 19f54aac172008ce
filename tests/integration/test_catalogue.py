"""The catalogue as the workers keep it: everything known, little asked, what people say about tracking kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from psycopg import sql

from db.catalogue import CatalogueEntry, ListTooShort
from db.coin_pages import CoinFilter, CoinOrder, select_coins
from db.pool import Database
from db.series import DAY, Granularity
from db.tracking import untrack_coins
from ingest.catalogue import keep_catalogue
from ingest.errors import ProviderError
from ingest.providers.coingecko import budget_of
from simulator.coins import coins_of
from tests.api import execute
from tests.catalogue import ALL, SOLANA, asked_for, describe, statuses, store, sync, tracked, without
from tests.world import NOW, World

pytestmark = pytest.mark.slow

HOURLY = Granularity.HOURLY


# ── the whole list ──


async def test_all_coins_of_the_provider_are_known_and_only_the_configured_ones_tracked(world: World) -> None:
    await world.know(["bitcoin", "yearn-finance"], ["usd"])

    await sync(world)

    assert await world.scalar("select count(*) from coins") == 17_025
    assert await tracked(world) == ["bitcoin", "yearn-finance"]
    assert await world.scalar("select rank from coins where slug = 'bitcoin'") == 1
    assert await world.scalar("select count(*) from coins where rank is not null and image_url is not null") == 250
    assert await world.scalar("select count(*) from coins where contracts <> '{}'") > 17_000
    paths = [entry["path"] for entry in await world.simulator.requests("")]
    assert paths == ["/coins/markets", "/coins/list", "/coins/markets"]
    plan = await explain(world.database, CoinFilter(search="etherium"))
    assert "coins_search" in plan
    assert "Seq Scan" not in plan


async def explain(database: Database, where: CoinFilter) -> str:
    query = select_coins(where.given, CoinOrder.RELEVANCE, 51, behind=False)
    async with database.connection() as connection:
        cursor = await connection.execute(sql.SQL("explain ") + query, where.parameters)
        return "\n".join(row[0] for row in await cursor.fetchall())


async def test_a_worker_learns_the_configured_coins_first_and_lets_prices_go_before_the_list(world: World) -> None:
    await world.know(["bitcoin"], ["usd"])
    await world.record(history_days=3)
    await world.simulator.forget()
    start, ready = world.clock.timestamp(), asyncio.Event()
    settings = replace(world.settings, coins=("bitcoin", "solana"))
    key = budget_of(settings).key
    keeping = asyncio.create_task(keep_catalogue(world.database, world.provider, key, world.clock, settings, ready))
    give_up = asyncio.get_running_loop().time() + 60
    while await world.scalar("select count(rank) from coins") < 250:
        assert asyncio.get_running_loop().time() < give_up
        await asyncio.sleep(0.05)
    keeping.cancel()
    assert ready.is_set()

    requests = await world.simulator.requests("")
    assert [entry["path"] for entry in requests] == ["/coins/markets", "/coins/list", "/coins/markets"]
    assert requests[0]["query"]["ids"] == "solana"
    assert requests[1]["time"] >= start + 60


async def test_the_list_is_asked_for_once_a_day_whatever_restarts(world: World) -> None:
    await world.know(["bitcoin"], ["usd"])
    await sync(world)
    await world.simulator.forget()

    await world.know(["bitcoin"], ["usd"])
    await sync(world)
    world.clock.advance(DAY - timedelta(minutes=1))
    await sync(world)
    assert await world.simulator.requests("") == []
    world.clock.advance(timedelta(minutes=2))
    await asyncio.gather(sync(world), sync(world))

    assert len(await world.simulator.requests("/coins/list")) == 1


async def test_a_list_that_could_not_be_had_is_asked_for_again_after_an_hour(world: World) -> None:
    await world.simulator.fault("503")
    with pytest.raises(ProviderError):
        await sync(world)
    await world.simulator.heal()
    await world.simulator.forget()

    await sync(world)
    world.clock.advance(timedelta(minutes=58))
    await sync(world)
    assert await world.simulator.requests("") == []
    world.clock.advance(timedelta(minutes=2))
    await sync(world)

    assert await world.scalar("select count(*) from coins") == 17_025


async def test_every_call_costs_budget_and_the_rank_of_a_small_tracked_coin_one_more(world: World) -> None:
    small = next(coin.id for coin in coins_of(1).values() if coin.supply and coin.number > 1_000)
    await world.know([small], ["usd"])
    await world.simulator.forget()

    await sync(world)

    asked = [(entry["path"], entry["query"].get("ids")) for entry in await world.simulator.requests("")]
    assert asked == [("/coins/list", None), ("/coins/markets", None), ("/coins/markets", small)]
    assert await world.scalar("select rank from coins where slug = %s", small) > 250
    assert await world.scalar("select month_used from provider_budget") == 1 + len(asked)


async def test_an_empty_answer_for_the_list_changes_nothing(world: World) -> None:
    await world.know(["bitcoin", "solana"], ["usd"])
    await world.simulator.fault("empty")

    with pytest.raises(ListTooShort):
        await sync(world)

    assert set((await statuses(world.database)).values()) == {"ACTIVE"}


async def test_a_renamed_coin_is_refreshed_under_its_new_id_and_keeps_its_history(world: World) -> None:
    await world.know(["bitcoin", "solana"], ["usd"])
    await sync(world)
    await world.refresh(history_days=3)
    stored = await world.stored("solana", "usd", HOURLY)
    await world.simulator.change("rename", "solana", "solana-classic")
    world.clock.advance(DAY)
    await sync(world)

    assert await asked_for(world) == {"bitcoin", "solana-classic"}
    grown = await world.stored("solana", "usd", HOURLY)
    assert grown[: len(stored)] == stored
    assert len(grown) == len(stored) + 24


async def test_a_tracked_coin_that_vanished_costs_no_calls_until_it_is_back_unless_it_is_named(world: World) -> None:
    await world.know(["bitcoin", "solana"], ["usd"])
    await store(world.database, *ALL)
    await store(world.database, *without(SOLANA), days=1)

    plain = await asked_for(world)
    named = await asked_for(world, coins=["solana"], history_days=4)
    await store(world.database, *ALL, days=2)
    back = await asked_for(world, history_days=5)

    assert (plain, named, back) == ({"bitcoin"}, {"solana"}, {"bitcoin", "solana"})


# ── what the configuration tracks ──


async def test_a_coin_configured_later_is_tracked_though_it_was_known_already(world: World) -> None:
    await store(world.database, *ALL)
    await world.know(["bitcoin"], ["usd"])

    await world.know(["bitcoin", "solana"], ["usd"])

    assert await tracked(world) == ["bitcoin", "solana"]
    assert await world.simulator.requests("") == []


async def test_a_coin_untracked_by_hand_stays_so_whatever_is_configured(world: World) -> None:
    await world.know(["bitcoin", "solana"], ["usd"])
    async with world.database.transaction() as connection:
        await untrack_coins(connection, [await world.scalar("select id from coins where slug = 'solana'")], NOW)

    await world.know(["bitcoin", "solana"], ["usd"])

    assert await tracked(world) == ["bitcoin"]


async def test_a_renamed_coin_is_still_the_one_that_is_configured_under_its_old_id(world: World) -> None:
    await store(world.database, *ALL)
    await store(world.database, *without(SOLANA), CatalogueEntry("solana-classic", "sol", "Solana", []), days=1)

    await world.know(["solana"], ["usd"])

    assert await tracked(world) == ["solana"]
    assert await world.scalar("select count(*) from coins where name = 'Solana'") == 1


# ── what coins are about ──


async def test_tracked_coins_are_described_one_call_each_and_again_after_a_month(world: World) -> None:
    await world.know(["bitcoin", "solana"], ["usd"])
    await world.simulator.forget()

    await describe(world)
    await describe(world)
    assert [entry["path"] for entry in await world.simulator.requests("")] == ["/coins/bitcoin", "/coins/solana"]
    world.clock.advance(31 * DAY)
    await describe(world)

    assert len(await world.simulator.requests("")) == 4
    assert (await world.simulator.requests("/coins/bitcoin"))[0]["query"] == dict.fromkeys(
        ("localization", "tickers", "market_data", "community_data", "developer_data"), "false"
    )
    row = await execute(world.database, "select description, homepage from coins where slug = 'bitcoin'")
    assert row == [("Bitcoin (BTC) is priced here by a simulator.\n\nNo figure is real.", "http://www.bitcoin.org")]


async def test_descriptions_wait_until_no_prices_are_to_be_fetched(world: World) -> None:
    await world.know(["bitcoin"], ["usd"])
    await world.record(history_days=3)
    await world.simulator.forget()

    await describe(world)
    assert await world.simulator.requests("") == []
    await world.work()
    await describe(world)

    assert [entry["path"] for entry in await world.simulator.requests("/coins/bitcoin")][-1] == "/coins/bitcoin"


async def test_a_coin_that_the_provider_has_no_page_of_is_not_asked_about_again_and_again(world: World) -> None:
    await world.know(["bitcoin", "solana"], ["usd"])
    await world.simulator.change("drop", "bitcoin")
    await world.simulator.forget()

    await describe(world)
    await describe(world)

    assert [entry["status"] for entry in await world.simulator.requests("")] == [404, 200]
