"""What a request has read is freed with it, and does not wait for a garbage collection."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from db.pool import Database
from db.series import HOUR, Granularity, floor
from pricegraph.auth import OPERATOR
from resolvers.context import Context
from resolvers.private import PrivateData
from tests.api import Api, add_coins, add_points, execute, open_api
from tests.world import NOW

HISTORIES = '{ priceHistory(coins: ["coin-1", "coin-2"], from: "now-2d", currency: "%s") { history { %s } } }'
LATEST = "{ coins { nodes { slug latestPrice { price currency { code } freshness { isStale } } } } }"
TEN_YEARS = 'history(from: "now-10y", interval: DAY_1) { points { price } }'
TOO_MUCH = f'{{ coin(slug: "coin-1") {{ {" ".join(f"h{n}: {TEN_YEARS}" for n in range(60))} }} }}'
ANSWERED = {
    "latest prices": LATEST,
    "points": HISTORIES % ("usd", "points { time price state }"),
    "coverage": HISTORIES % ("usd", "coverage { completeness gaps(first: 9) { reason } } points { price }"),
    "a coin that nobody knows among others": '{ priceHistory(coins: ["x", "coin-1"]) { error { code } slug } }',
    "changes that are refused": """
        mutation {
          trackCoins(slugs: []) { errors { code } }
          deletePortfolio(id: "x") { errors { code } }
          renamePortfolio(id: "UG9ydGZvbGlvOjE=", name: "") { errors { code } }
        }
    """,
    "a change": 'mutation { renamePortfolio(id: "UG9ydGZvbGlvOjE=", name: "x") { portfolio { currency { code } } } }',
    "points that are missing": '{ priceHistory(coins: ["coin-1"], from: "now-9d", gaps: ERROR) { error { code } } }',
    "prices at a time": '{ pricesAt(inputs: [{coin: "coin-1", at: "now-3h", currency: "gbp"}]) { error { code } } }',
    "what is private": "{ portfolios { name currency { code } accounts { id } transactions { totalCount } } }",
}
REFUSED = {
    "a currency without a rate": (LATEST.replace("latestPrice", 'latestPrice(currency: "gbp")'), "FX_UNAVAILABLE"),
    "a currency that nobody knows": (HISTORIES % ("xyz", "points { price }"), "NOT_FOUND"),
    "a coin that nobody knows": (LATEST.replace("{", '{ coin(slug: "x") { name }', 1), "NOT_FOUND"),
    "too much": (TOO_MUCH, "COST_EXCEEDED"),
    "an operation that is not said": ("query A { __typename } query B { __typename }", "BAD_INPUT"),
    "a document that is not valid": ("{ coins { nonsense } }", "BAD_INPUT"),
}


@pytest.fixture
def no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def ask_again_and_again(api: Api, query: str) -> list[str]:
    """The codes of the last answer."""
    for _ in range(3):
        body = (await api.post(query)).json()
    assert sum(isinstance(one, Context | PrivateData) for one in gc.get_objects()) == 0
    return [error["extensions"]["code"] for error in body.get("errors", [])]


async def fill(database: Database) -> None:
    await add_coins(database, 2)
    await add_points(database, Granularity.HOURLY, [floor(NOW, HOUR) - number * HOUR for number in range(1, 49)])
    await execute(
        database,
        "insert into portfolios (owner, name, currency_id, created_at) values (%s, 'Mine', 1, now())",
        OPERATOR,
    )


@pytest.mark.parametrize("query", ANSWERED.values(), ids=ANSWERED)
@pytest.mark.usefixtures("no_collection")
async def test_nothing_is_left_of_an_answer(database: Database, query: str) -> None:
    await fill(database)
    async with open_api(database) as api:
        assert await ask_again_and_again(api, query) == []


@pytest.mark.parametrize(("query", "code"), REFUSED.values(), ids=REFUSED)
@pytest.mark.usefixtures("no_collection")
async def test_nothing_is_left_of_an_error(database: Database, query: str, code: str) -> None:
    await fill(database)
    async with open_api(database) as api:
        assert code in await ask_again_and_again(api, query)


@pytest.mark.usefixtures("no_collection")
async def test_nothing_is_left_of_a_fault_of_ours(database: Database) -> None:
    await execute(database, "drop table price_latest cascade")
    async with open_api(database) as api:
        assert await ask_again_and_again(api, LATEST) == ["INTERNAL"]


@pytest.mark.usefixtures("no_collection")
async def test_nothing_is_left_when_the_database_is_away(database: Database) -> None:
    async with open_api(database) as api:
        await database.pool.close()
        assert await ask_again_and_again(api, LATEST) == ["UNAVAILABLE"]
