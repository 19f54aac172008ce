"""The queries that GraphiQL offers for a start, and what the server says about itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from graphql import parse

from tests.api import Api
from tests.portfolios import ADD, ADD_ACCOUNT, CREATE, MANUAL
from tests.world import World

QUERIES = sorted(Path("web/queries").glob("*.graphql"))
COINS = ["bitcoin", "ethereum", "solana", "cardano", "dogecoin"]


@pytest.fixture
async def filled(world: World) -> World:
    await world.know(COINS, ["usd", "eur"])
    await world.refresh(history_days=31)
    return world


def read(path: Path) -> tuple[str, dict[str, Any]]:
    given = path.with_suffix(".json")
    return path.read_text(), json.loads(given.read_text()) if given.exists() else {}


@pytest.mark.slow
async def test_every_starter_query_answers_without_error_and_with_data(filled: World, world_api: Api) -> None:
    assert len(QUERIES) == 7
    await buy_a_bitcoin(world_api)
    answers = {}
    for path in QUERIES:
        query, variables = read(path)
        answers[path.name[0]] = await world_api.ask(query, **variables)

    first = answers["1"]["priceHistory"]
    assert [result["slug"] for result in first] == COINS[:3]
    assert all(
        result["history"]["coverage"] | {"completeness": 1.0} == result["history"]["coverage"] for result in first
    )
    assert all(len(result["history"]["points"]) == 25 for result in first)
    assert all(point["price"] > 0 for result in first for point in result["history"]["points"])

    for result in answers["2"]["priceHistory"]:
        assert result["error"] is None
        assert len(result["history"]["columns"]["price"]) == 31
        assert None not in result["history"]["columns"]["price"]

    coin = answers["3"]["coin"]
    assert coin["lastMonth"]["coverage"]["completeness"] == 1
    assert coin["everyDay"]["expectedPoints"] == 90
    assert [gap["reason"] for gap in coin["everyDay"]["gaps"]] == ["NOT_FETCHED"]

    latest = answers["4"]["coins"]["nodes"]
    assert {node["slug"] for node in latest} == set(COINS)
    assert all(node["latestPrice"]["change24hPercent"] is not None for node in latest)

    (newest,) = answers["5"]["refreshRuns"]["nodes"]
    assert (newest["status"], newest["exitCode"]) == ("SUCCEEDED", 0)
    assert len(newest["tasks"]["nodes"]) == 10

    planned = answers["6"]["refreshPrices"]
    assert (planned["outcome"], planned["run"]) == ("PLANNED", None)
    assert planned["estimate"]["points"] > 0

    (portfolio,) = answers["7"]["portfolios"]
    assert portfolio["valuation"]["complete"]
    assert [holding["holding"]["quantity"] for holding in portfolio["valuation"]["holdings"]] == ["1"]
    assert len(portfolio["history"]) == 31
    assert all(valuation["complete"] for valuation in portfolio["history"])


async def buy_a_bitcoin(api: Api) -> None:
    portfolio = (await api.ask(CREATE))["createPortfolio"]["portfolio"]["id"]
    account = await api.ask(ADD_ACCOUNT, input={"portfolio": portfolio, "label": "by hand", "source": MANUAL})
    transaction = {"kind": "BUY", "coin": "bitcoin", "quantity": "1", "at": "now-10d"}
    await api.ask(ADD, input={"account": account["addAccount"]["account"]["id"], "transactions": [transaction]})


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_starter_query_says_what_it_is_for_and_has_a_name(path: Path) -> None:
    (operation, *_) = parse(path.read_text()).definitions

    assert path.read_text().startswith("# ")
    assert getattr(operation, "name", None) is not None


async def test_the_server_tells_its_store_and_that_prices_are_simulated(world: World, world_api: Api) -> None:
    server = (await world_api.ask("{ server { version store simulated } }"))["server"]

    hypertables = await world.scalar("select count(*) from pg_extension where extname = 'timescaledb'")
    assert server["store"] in (("TIMESCALEDB_APACHE", "TIMESCALEDB_COMMUNITY") if hypertables else ("POSTGRESQL",))
    assert server["simulated"] is True
    assert server["version"]


async def test_prices_of_a_real_provider_are_not_called_simulated(api: Api) -> None:
    assert await api.ask("{ server { simulated } }") == {"server": {"simulated": False}}
