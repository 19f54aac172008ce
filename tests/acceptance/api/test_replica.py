"""Reads through `DATABASE_READ_URL`: what comes from the replica, and what from the primary."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import psycopg
import pytest

from db.pool import PoolSettings, open_database
from db.series import HOUR, Granularity, floor
from pricegraph.serve import listen
from tests.acceptance.api.conftest import NOWHERE
from tests.api import ONE, REFRESH, Api, add_coins, add_points, execute, iso, open_api, refresh
from tests.programs import environment, program
from tests.replica import Replica
from tests.world import NOW, World

pytestmark = pytest.mark.slow  # in all, not each

HOUR_AGO = floor(NOW, HOUR) - HOUR
USD, GBP = 1, 3
PRICES = '{ coin(slug: "coin-1") { history(from: "now-3h", to: "now/h", interval: HOUR_1) { points { price } } } }'
MARKET_DATA = """
query MarketData($inputs: [PriceAtInput!]!, $issue: ID!) {
  coins(filter: {search: "coin"}) {
    totalCount
    nodes {
      slug description externalIds { value }
      latestPrice { price change24hPercent freshness { reason } }
      coverage { completeness gaps { reason } }
      revisions { totalCount nodes { time } }
    }
  }
  currencies { code }
  priceHistory(coins: ["coin-2"], currency: "gbp", from: "now-3h", to: "now/h") { history { columns { price } } }
  pricesAt(inputs: $inputs) { price error { code } }
  resolveCoins(inputs: ["coin-1"]) { outcome }
  dataIssues { totalCount nodes { coin { slug } evidence { note } } }
  node(id: $issue) { id }
  server { store simulated }
}
"""
VARIABLES = {"inputs": [{"coin": "coin-1", "at": "now-1h"}], "issue": "RGF0YUlzc3VlOjE="}
WORK = ["{ refreshRuns { nodes { id } } }", "{ providers { provider } }"]
SET_PRICE = """
mutation($time: Time!) {
  setManualPrice(input: {coin: "coin-1", currency: "usd", granularity: HOURLY, time: $time, price: 5.5}) {
    point { price } errors { code }
  }
}
"""


@pytest.fixture
async def priced(replica: Replica) -> Replica:
    """Two coins with a price for the last full hour, on both sides: the first of 101, and that also converts to gbp."""
    await add_coins(replica.primary, 2)
    await execute(replica.primary, "update currencies set rate_coin_id = 1 where code = 'gbp'")
    for coin, currency in ((1, USD), (1, GBP), (2, USD)):
        await add_points(replica.primary, Granularity.HOURLY, [HOUR_AGO], coin, currency)
    await replica.catch_up()
    return replica


@pytest.fixture
async def split_api(replica: Replica) -> AsyncIterator[Api]:
    async with open_api(replica.primary, reads=replica.reads) as api:
        yield api


async def prices(api: Api) -> list[float | None]:
    return [point["price"] for point in (await api.ask(PRICES))["coin"]["history"]["points"]]


async def test_prices_are_those_that_the_replica_has(priced: Replica, split_api: Api) -> None:
    await priced.pause()
    await add_points(priced.primary, Granularity.HOURLY, [HOUR_AGO - HOUR])
    assert await prices(split_api) == [None, None, 101.0]

    await priced.resume()
    assert await prices(split_api) == [None, 101.0, 101.0]


async def test_all_market_data_is_there_while_the_primary_is_away(priced: Replica) -> None:
    async with (
        open_database(NOWHERE, PoolSettings(wait=0.2)) as primary,
        open_api(primary, reads=priced.reads) as api,
    ):
        data = await api.ask(MARKET_DATA, **VARIABLES)
        assert {node["slug"] for node in data["coins"]["nodes"]} == {"coin-1", "coin-2"}
        assert data["priceHistory"][0]["history"]["columns"]["price"][-1] is not None
        assert data["pricesAt"][0]["price"] == 101.0
        for query in (*WORK, 'mutation { trackCoins(slugs: ["coin-1"]) { run { id } } }'):
            assert (await api.fail(query))["extensions"]["code"] == "UNAVAILABLE"


def test_a_server_takes_the_replica_from_its_environment(database_url: str) -> None:
    """The primary is away, so that the answer can only be the other's."""
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    listener.close()
    env = environment(DATABASE_URL=NOWHERE, DATABASE_READ_URL=database_url, PRICEGRAPH_PORT=str(port))
    with program("serve", env=env) as running:
        running.wait_for("serving")
        answer = httpx.post(f"http://127.0.0.1:{port}/graphql", json={"query": "{ coins { totalCount } }"}, timeout=30)

    assert answer.json() == {"data": {"coins": {"totalCount": 0}}}


async def test_while_the_replica_is_away_work_goes_on_and_prices_are_back_with_it(
    priced: Replica, split_api: Api
) -> None:
    priced.server.stop()
    try:
        error = await split_api.fail(PRICES)
        assert (error["extensions"]["code"], error["extensions"]["retryable"]) == ("UNAVAILABLE", True)
        for query in WORK:
            await split_api.ask(query)
        assert (await split_api.ask(SET_PRICE, time=iso(HOUR_AGO)))["setManualPrice"]["point"]["price"] == 5.5
    finally:
        priced.server.start()

    assert (await prices(split_api))[-1] in (101.0, 5.5)


async def test_who_changes_something_reads_it_in_the_answer_before_the_replica_has_it(
    priced: Replica, split_api: Api
) -> None:
    await priced.pause()
    await execute(priced.primary, "insert into coins (slug, symbol, name) values ('newcomer', 'new', 'Newcomer')")

    payload = (await split_api.ask(SET_PRICE, time=iso(HOUR_AGO)))["setManualPrice"]
    tracked = await split_api.ask(
        'mutation { trackCoins(slugs: ["newcomer"]) { coins { slug tracked coverage { actualPoints } } } }'
    )

    assert payload == {"point": {"price": 5.5}, "errors": []}
    assert tracked["trackCoins"]["coins"] == [{"slug": "newcomer", "tracked": True, "coverage": {"actualPoints": 0}}]
    assert (await prices(split_api))[-1] == 101.0
    assert (await split_api.ask('{ coins(filter: {slugs: ["newcomer"]}) { totalCount } }'))["coins"]["totalCount"] == 0


async def test_a_run_is_seen_at_once_with_coins_that_the_replica_does_not_know_yet(
    world: World, replica: Replica
) -> None:
    async with open_api(replica.primary, world.clock.now, replica.reads) as api:
        await replica.pause()
        await world.know(["bitcoin"], ["usd"])
        started = await refresh(api, **ONE)

        run = await api.ask("query($id: ID!) { refreshRun(id: $id) { status } }", id=started["run"]["id"])
        runs = await api.ask("{ refreshRuns { nodes { tasks { nodes { coin { slug } currency { code } } } } } }")

    assert run == {"refreshRun": {"status": "QUEUED"}}
    assert runs["refreshRuns"]["nodes"] == [
        {"tasks": {"nodes": [{"coin": {"slug": "bitcoin"}, "currency": {"code": "usd"}}]}}
    ]


async def test_whoever_waits_for_a_refresh_gets_the_finished_run_however_far_the_replica_lags(
    world: World, replica: Replica
) -> None:
    await world.know(["bitcoin"], ["usd"])
    await replica.catch_up()
    await replica.pause()
    async with open_api(replica.primary, world.clock.now, replica.reads) as api, asyncio.timeout(40):
        waiting = asyncio.create_task(api.ask(REFRESH, input={"waitSeconds": 30} | ONE))
        while not waiting.done():
            await world.work()
            await asyncio.sleep(0.02)
        payload = (await waiting)["refreshPrices"]

    assert (payload["outcome"], payload["run"]["exitCode"]) == ("FINISHED", 0)
    assert payload["run"]["rowsInserted"] >= 72


async def test_the_replica_refuses_changes(replica: Replica) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        await execute(replica.reads, "update coins set name = 'other'")
