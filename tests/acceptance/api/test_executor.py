"""Our executor answers what graphql-core's own answers, to the byte, whatever is selected."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from graphql import ExecutionResult, GraphQLObjectType
from hypothesis import HealthCheck, given, settings
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from db.pool import Database, PoolSettings, open_database
from db.series import DAY, HOUR, Granularity, floor
from pricegraph.masking import format_error
from resolvers.blocks import BlockCache
from resolvers.context import ApiSettings, Context
from resolvers.limits import Limits
from schema.execution import Executable
from schema.executor import FastExecutor, Plan
from schema.schema import make_schema, plain_schema
from tests.acceptance.api.test_statements import ISSUES, RUN
from tests.api import add_coins, add_points, execute
from tests.selections import VARIABLES, Documents
from tests.world import NOW

pytestmark = pytest.mark.slow

ARGUMENTS = {
    "Query.coins": ["(first: 5)", "(first: 3, orderBy: SLUG)", '(filter: { search: "coin" }, first: 4)'],
    "Query.coin": ['(slug: "coin-1")', '(slug: "nobody")'],
    "Query.currencies": ["", "(kind: COMMODITY)"],
    "Query.priceHistory": [
        '(coins: ["coin-1", "coin-2"], from: "now-3d")',
        '(coins: ["coin-1", "nobody", "coin-3"], from: "now-5d", interval: HOUR_4, gaps: CARRY)',
        '(coins: ["coin-2"], currency: "eur", from: "now-2d", gaps: OMIT)',
        '(coins: ["coin-1", "coin-2"], from: "now-9d", interval: DAY_1, gaps: ERROR)',
        '(coins: ["coin-1"], from: "now-4d", finalOnly: true, transforms: [{ movingAverage: { points: 3 } }])',
    ],
    "Query.pricesAt": ['(inputs: [{ coin: "coin-1", at: "now-1d" }, { coin: "nobody", at: "now" }])'],
    "Query.resolveCoins": ['(inputs: ["coin-1", "s2", "zzz"])'],
    "Query.refreshRuns": ["", "(first: 2)"],
    "Query.dataIssues": ["(first: 4)"],
    "Query.providers": [""],
    "Query.server": [""],
    "Coin.latestPrice": ["", '(currency: "eur")', '(currency: "gbp")', '(currency: "xxx")'],
    "Coin.history": ['(from: "now-1d")', '(from: "now", to: "now-1d")', '(from: "now-6d", gaps: ERROR)'],
    "Coin.coverage": ["", "(granularity: DAILY)"],
    "RefreshRun.tasks": ["(first: 3)"],
}
DOCUMENTS = Documents(make_schema()._schema, ARGUMENTS)


async def fill(database: Database) -> None:
    """Coins with hours and days that have holes, one that is converted, a run with tasks, and issues."""
    await add_coins(database, 9)
    await execute(database, "update currencies set rate_coin_id = 1 where code = 'gbp'")
    hour, day = floor(NOW, HOUR), floor(NOW, DAY)
    for coin, currency in ((1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (3, 1)):
        hours = [hour - i * HOUR for i in range(150, -1, -1) if (i * coin) % 17 or coin == 1]
        await add_points(database, Granularity.HOURLY, hours, coin, currency)
        days = [day - i * DAY for i in range(40, -1, -1) if (i + coin) % 9]
        await add_points(database, Granularity.DAILY, days, coin, currency)
    await execute(
        database,
        "insert into price_latest (coin_id, currency_id, price, observed_at, provider_id) "
        "select id, currency, 1.5, %s, 2 from coins, unnest(array[1, 2, 3]) currency where id < 7",
        NOW - timedelta(minutes=20),
    )
    await execute(database, RUN)
    await execute(database, "update refresh_tasks set error_code = 'TIMEOUT', error_message = 'slow' where id % 3 = 0")
    await execute(database, ISSUES)


class StockExecutor(StrawberryGraphQLCoreExecutionContext):
    """Makes no use of plans."""

    def __init__(self, *given: Any, plan: Plan, **named: Any) -> None:
        super().__init__(*given, **named)


class Twins:
    """The same question to both executors, in the same instant and the same order."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._fast = Executable(make_schema(), Limits(max_aliases=500))
        self._stock = Executable(plain_schema(), Limits(max_aliases=500), StockExecutor)
        self._blocks = BlockCache(1_000_000)

    async def ask(self, document: str) -> tuple[bytes, bytes]:
        fast = await self._fast.execute(document, self._context(self._blocks), VARIABLES)
        stock = await self._stock.execute(document, self._context(BlockCache(0)), VARIABLES)
        return _written(fast), _written(stock)

    def _context(self, blocks: BlockCache) -> Context:
        database = self._database
        return Context(database, database, ApiSettings("test"), NOW, "a-request", blocks=blocks)


def _written(result: ExecutionResult) -> bytes:
    """Of errors the order is not fixed: fields of different rows run at the same time."""
    errors = sorted((format_error(error, "a-request") for error in result.errors or ()), key=str)
    return orjson.dumps({"data": result.data, "errors": errors}, option=orjson.OPT_UTC_Z)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """An event loop for hypothesis, which calls no coroutine functions."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def twins(database_url: str, runner: asyncio.Runner) -> Iterator[Twins]:
    opening = open_database(database_url, PoolSettings(max_size=4))
    database = runner.run(opening.__aenter__())
    runner.run(fill(database))
    yield Twins(database)
    runner.run(opening.__aexit__(None, None, None))


def test_random_documents_are_answered_to_the_byte(twins: Twins, runner: asyncio.Runner) -> None:
    answered = 0

    @settings(max_examples=150, suppress_health_check=list(HealthCheck))
    @given(document=DOCUMENTS.strategy())
    def check(document: str) -> None:
        nonlocal answered
        fast, stock = runner.run(twins.ask(document))
        assert fast == stock, document
        answered += b'"data":{"' in fast

    check()
    assert answered > 100  # of the others most ask for two things by one name


PLAIN = {
    "CoinEdge": "{ coins { edges { cursor node { id slug status rank __typename } } } }",
    "Coin": "{ coins { nodes { id name imageUrl ... on Coin { s: slug } } } }",
    "Currency": "{ currencies { code kind decimals } }",
    "PricePoint": '{ priceHistory(coins: ["coin-1"]) { history { points { time price state origin provider } } } }',
    "RefreshTask": "{ refreshRuns { nodes { tasks { nodes { id status range { from to } error { code field } } } } } }",
    "DataIssue": "{ dataIssues { nodes { id kind state message } } }",
}


def test_items_of_which_everything_is_skipped_are_still_there(twins: Twins, runner: asyncio.Runner) -> None:
    document = """
    {
      coins { nodes { name @skip(if: true) } edges { node { id @include(if: false) } cursor } }
      priceHistory(coins: ["coin-1"], from: "now-3h") { history { points { price @skip(if: true) } } }
    }
    """
    fast, stock = runner.run(twins.ask(document))

    assert fast == stock
    assert b'"points":[{},{},{}' in fast


def test_a_field_that_fails_for_all_items_leaves_the_one_beside_it(twins: Twins, runner: asyncio.Runner) -> None:
    document = """
    {
      coins {
        nodes { slug never: coverage(currency: "zzz") { completeness } coverage { actualPoints } }
      }
    }
    """
    fast, stock = runner.run(twins.ask(document))

    assert fast == stock
    assert b'"never":null,"coverage":{"actualPoints":' in fast


@pytest.mark.parametrize("item", PLAIN)
def test_no_item_of_a_plain_list_is_completed_by_itself(
    twins: Twins, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch, item: str
) -> None:
    completed: list[str] = []
    stock = StrawberryGraphQLCoreExecutionContext.complete_object_value

    def complete(self: FastExecutor, return_type: GraphQLObjectType, *given: Any) -> Any:
        completed.append(return_type.name)
        return stock(self, return_type, *given)

    monkeypatch.setattr(FastExecutor, "complete_object_value", complete)
    fast, stock_answer = runner.run(twins.ask(PLAIN[item]))

    assert fast == stock_answer
    assert item not in completed
    assert fast.count(b"{") > 4
